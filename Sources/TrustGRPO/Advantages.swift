internal import Foundation

/// Keeps equation 6 finite where rewards hardly vary.
package let advantageEpsilon = 1e-6

/// The standard deviation with n - 1 in the denominator, as the released code takes it.
///
/// - Returns: exactly 0 for fewer than two values or for values that are all the same, whatever rounding does to their mean.
package func sampleDeviation(of values: [Double]) -> Double {
  guard values.count > 1, let first = values.first, values.contains(where: { $0 != first }) else { return 0 }
  let mean = values.reduce(0, +) / Double(values.count)
  let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
  return (squares / Double(values.count - 1)).squareRoot()
}

/// Equation 6 of SophiaVL-R1: (R - mean R) / (std R + 1e-6) over the group, or R - mean R with scale `mean`.
///
/// - Parameter totals: R of equation 5, one a member of the group.
/// - Returns: one advantage a member; all 0 if the totals do not vary.
package func normalizedAdvantages(of totals: [Double], scale: AdvantageScale) -> [Double] {
  let deviation = sampleDeviation(of: totals)
  guard deviation > 0 else { return totals.map { _ in 0 } }
  let mean = totals.reduce(0, +) / Double(totals.count)
  let divisor = scale == .std ? deviation + advantageEpsilon : 1
  return totals.map { ($0 - mean) / divisor }
}
