internal import Foundation

/// A logarithmic scale from one power of ten to another.
struct LogAxis: Sendable, Equatable {
  /// Exponents of ten.
  let lower: Int
  let upper: Int

  /// Over the values that are more than 0.
  init(over values: [Double]) {
    let exponents = values.filter { $0.isFinite && $0 > 0 }.map { log10($0) }
    lower = Int((exponents.min() ?? 0).rounded(.down))
    upper = max(lower + 1, Int(((exponents.max() ?? 1) - 1e-9).rounded(.up)))
  }

  var ticks: [Double] { (lower...upper).map { pow(10, Double($0)) } }

  /// 2 to 9 times each power of ten.
  var minorTicks: [Double] { (lower..<upper).flatMap { power in (2...9).map { Double($0) * pow(10, Double(power)) } } }

  func position(of value: Double) -> Double { (log10(max(value, 1e-300)) - Double(lower)) / Double(upper - lower) }

  func label(of tick: Double) -> String { tick >= 1 ? Numbers.grouped(tick) : String(format: "%g", tick) }
}
