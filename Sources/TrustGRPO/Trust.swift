internal import Foundation

/// How far the thinking reward of one group can be trusted, equations 1 to 3.
package struct Trust: Sendable, Hashable {
  /// Equation 1: the mean thinking reward of the correct members that have one; `nil` if there are none.
  package let muCorrect: Double?
  /// Equation 2: the mean thinking reward of the wrong members that have one; `nil` if there are none.
  package let muWrong: Double?

  /// Equation 3: 1 if the correct members think at least as well as the wrong ones, else exp(muCorrect - muWrong), in
  /// [1/e, 1]. `nil` if either mean is missing: nothing was contrasted, so nothing is known.
  package var gamma: Double? {
    guard let muCorrect, let muWrong else { return nil }
    return muCorrect >= muWrong ? 1 : exp(muCorrect - muWrong)
  }
}

/// Equations 1 to 3 of SophiaVL-R1 (arXiv 2505.17018).
///
/// - Parameters:
///   - outcomes: outcome reward Ro of each member.
///   - thinking: thinking reward Rt of each member, in [0, 1]; `nil` where it is missing, which leaves that member out of
///     its mean. Paired with `outcomes`; members beyond the shorter of the two are ignored.
///   - correctThreshold: an outcome of at least this much is correct.
package func trust(outcomes: [Double], thinking: [Double?], correctThreshold: Double = 0.5) -> Trust {
  var correct = RunningMean()
  var wrong = RunningMean()
  for (outcome, score) in zip(outcomes, thinking) {
    guard let score else { continue }
    if outcome >= correctThreshold { correct.add(score) } else { wrong.add(score) }
  }
  return Trust(muCorrect: correct.value, muWrong: wrong.value)
}

/// The annealing factor exp(-step / T) of equation 5, in (0, 1] for steps from 0 on.
///
/// - Parameters:
///   - step: the training step the group belongs to, from 0.
///   - totalSteps: T, more than 0.
package func annealing(step: Int, of totalSteps: Int) -> Double {
  exp(-Double(step) / Double(totalSteps))
}

/// A mean that is missing where nothing was added.
struct RunningMean {
  private var sum = 0.0
  private var count = 0

  var value: Double? { count == 0 ? nil : sum / Double(count) }

  mutating func add(_ value: Double) {
    sum += value
    count += 1
  }
}
