internal import Foundation

/// The scale of one direction of a chart: its range and where it is labelled.
struct Axis: Sendable, Equatable {
  let lower: Double
  let upper: Double
  let ticks: [Double]
  /// Decimals that tell neighbouring ticks apart.
  let decimals: Int

  /// An axis over `values` that begins and ends on round numbers.
  ///
  /// - Parameters:
  ///   - including: values that are to be on the axis whatever the data, such as 0.
  ///   - whole: whether there is nothing between whole numbers.
  init(over values: [Double], including: [Double] = [], ticks count: Int = 5, whole: Bool = false) {
    let all = (values + including).filter(\.isFinite)
    let least = all.min() ?? 0
    var most = all.max() ?? 1
    if most <= least { most = least + max(abs(least) * 0.1, whole ? 1 : 0.1) }
    let step = Self.roundStep(atLeast: (most - least) / Double(count), whole: whole)
    let (first, last) = ((least / step + 1e-9).rounded(.down), (most / step - 1e-9).rounded(.up))
    lower = first * step
    upper = last * step
    ticks = (0...Int(last - first)).map { (first + Double($0)) * step }
    decimals = max(0, Int(-log10(step).rounded(.down)))
  }

  /// An axis that ends where its data end, for steps of training.
  init(from lower: Double, to upper: Double, ticks count: Int = 6) {
    self.lower = lower
    self.upper = upper > lower ? upper : lower + 1
    let step = Self.roundStep(atLeast: (self.upper - lower) / Double(count), whole: true)
    ticks = Array(stride(from: (lower / step).rounded(.up) * step, through: self.upper, by: step))
    decimals = 0
  }

  /// Where `value` lies, 0 at the lower end and 1 at the upper.
  func position(of value: Double) -> Double { (value - lower) / (upper - lower) }

  func label(of tick: Double) -> String {
    let text = decimals == 0 ? Numbers.grouped(tick) : Numbers.fixed(abs(tick), min(decimals, 6))
    return decimals > 0 && tick < 0 ? "−" + text : text
  }

  /// 1, 2 or 5 times a power of ten.
  private static func roundStep(atLeast least: Double, whole: Bool) -> Double {
    let power = pow(10, log10(least).rounded(.down))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= least * (1 - 1e-9) } ?? 10 * power
    return whole ? max(1, step) : step
  }
}
