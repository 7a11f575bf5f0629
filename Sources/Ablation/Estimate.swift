internal import Foundation

/// A mean over runs with its 95 % confidence interval, for the base policies that the runs started from: what differs between
/// runs of one base is chance, what differs between bases is not.
package struct Estimate: Sendable, Hashable, Codable {
  package var mean: Double
  /// Half the interval's width, by Student's t on the deviations from each base's mean, with as many degrees of freedom as there
  /// are runs less bases; nil where that is 0.
  package var margin: Double?
  package var count: Int

  /// - Parameter values: those of each base.
  package init(byBase values: [[Double]]) {
    let all = values.flatMap(\.self)
    count = all.count
    mean = average(all)
    let freedom = all.count - values.count { !$0.isEmpty }
    guard freedom > 0 else { return }
    let squares = values.flatMap { base in base.map { ($0 - average(base)) * ($0 - average(base)) } }.reduce(0, +)
    margin = Self.quantile(degreesOfFreedom: freedom) * (squares / Double(freedom) / Double(all.count)).squareRoot()
  }

  /// Whether 0 lies outside the interval. One without width comes of runs that happen to be alike, and tells nothing.
  package var isTold: Bool { margin.map { $0 > 0 && abs(mean) > $0 } ?? false }

  /// `0.652 ± 0.031`.
  package var words: String { Self.number(mean) + (margin.map { " ± " + Self.number($0) } ?? "") }
  /// With its sign, for a difference.
  package var signed: String { (mean > 0 ? "+" : "") + words }

  private static func number(_ value: Double) -> String {
    let digits = String(format: "%.3f", abs(value))
    return (value < 0 && digits != "0.000" ? "−" : "") + digits
  }

  /// The 0.975 quantile of Student's t.
  static func quantile(degreesOfFreedom n: Int) -> Double {
    let table = [
      12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110,
      2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
    ]
    // Cornish and Fisher's expansion, whose first terms are enough beyond the table.
    let z = 1.959964
    let (first, second) = ((z * z * z + z) / 4, (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / 96)
    return n <= table.count ? table[n - 1] : z + first / Double(n) + second / Double(n * n)
  }
}
