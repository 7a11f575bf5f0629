import Foundation
import Testing

@testable import TrustGRPO

@Suite("Equations 1 to 6: a group's rewards")
struct GroupRewardsTests {
  private func rewards(
    _ outcomes: [Double], _ thinking: [Double?], step: Int = 0, _ change: (inout TrustGRPOSettings) -> Void = { _ in }
  ) throws -> GroupRewards {
    var settings = TrustGRPOSettings()
    change(&settings)
    return try GroupRewards.compute(outcomes: outcomes, thinking: thinking, step: step, settings: settings)
  }

  @Test("a hand-worked group: mu_c 0.2, mu_w 0.7, so gamma e^-0.5 and weight 0.3 e^-0.5")
  func handWorked() throws {
    let group = try rewards([1, 0], [0.2, 0.7])
    let weight = 0.3 * 0.6065306597126334
    #expect(group.weight.isClose(to: weight))
    #expect(group.totals[0].isClose(to: 1 + 0.2 * weight))
    #expect(group.totals[1].isClose(to: 0.7 * weight))
    // Two values lie (difference / 2) from their mean and have deviation (difference / sqrt 2).
    let difference = 1 - 0.5 * weight
    #expect(group.advantages[0].isClose(to: (difference / 2) / (difference / 2.squareRoot() + 1e-6)))
    #expect(group.advantages[1].isClose(to: -group.advantages[0]))
    #expect(!group.oneSided && !group.zeroVariance && group.missingThinking == 0)
  }

  private struct Case: Decodable {
    let outcomes, thinking, totals, advantages, centred: [Double]
    let step, totalSteps: Int
    let muC, muW, gamma: Double
  }

  @Test("agrees with NumPy on seeded groups")
  func numpy() throws {
    for example in try fixture("advantages.json", as: [Case].self) {
      let group = try rewards(example.outcomes, example.thinking, step: example.step) { $0.totalSteps = example.totalSteps }
      #expect(try #require(group.gamma).isClose(to: example.gamma))
      #expect(try #require(group.muCorrect).isClose(to: example.muC))
      #expect(try #require(group.muWrong).isClose(to: example.muW))
      #expect(zip(group.totals, example.totals).allSatisfy { $0.isClose(to: $1) })
      #expect(zip(group.advantages, example.advantages).allSatisfy { $0.isClose(to: $1, within: 1e-10) })
      let centred = try rewards(example.outcomes, example.thinking, step: example.step) { $0.advantage = .mean }
      #expect(zip(centred.advantages, example.centred).allSatisfy { $0.isClose(to: $1, within: 1e-10) })
    }
  }

  @Test("each switch takes its factor out", arguments: [
    (true, true, 0.3 * 0.6065306597126334 * 0.36787944117144233), (false, true, 0.3 * 0.36787944117144233),
    (true, false, 0.3 * 0.6065306597126334), (false, false, 0.3),
  ])
  func switches(trust: Bool, annealing: Bool, weight: Double) throws {
    let group = try rewards([1, 0], [0.2, 0.7], step: 1500) { ($0.trust, $0.annealing) = (trust, annealing) }
    #expect(group.weight.isClose(to: weight))
  }

  @Test("grpo, and thinking switched off, leave the outcome alone")
  func outcomeOnly() throws {
    for change in [{ $0.mode = .grpo }, { $0.thinkingReward = false }] as [(inout TrustGRPOSettings) -> Void] {
      let group = try rewards([1, 0, 1], [0.9, nil, 0.1], change)
      #expect(group.totals == [1, 0, 1] && group.weight == 0 && group.gamma == nil && group.missingThinking == 0)
    }
  }

  @Test("a one-sided group is left out or included by name", arguments: [[1.0, 1, 1], [0.0, 0, 0]])
  func oneSided(outcomes: [Double]) throws {
    let excluded = try rewards(outcomes, [0.1, 0.5, 0.9])
    #expect(excluded.oneSided && excluded.zeroVariance && excluded.gamma == nil && excluded.weight == 0)
    #expect(excluded.totals == outcomes && excluded.advantages == [0, 0, 0])
    let included = try rewards(outcomes, [0.1, 0.5, 0.9]) { $0.oneSided = .include }
    #expect(included.oneSided && included.gamma == 1 && included.weight.isClose(to: 0.3))
    #expect(included.totals[2].isClose(to: outcomes[2] + 0.27))
  }

  @Test("in a one-sided group the standard deviation cancels annealing, the mean-only advantage keeps it")
  func cancellation() throws {
    let early = try rewards([1, 1, 1], [0.1, 0.5, 0.9], step: 0) { $0.oneSided = .include }
    let late = try rewards([1, 1, 1], [0.1, 0.5, 0.9], step: 1500) { $0.oneSided = .include }
    #expect(zip(early.advantages, late.advantages).allSatisfy { $0.isClose(to: $1, within: 1e-4) })
    let meanEarly = try rewards([1, 1, 1], [0.1, 0.5, 0.9], step: 0) { ($0.oneSided, $0.advantage) = (.include, .mean) }
    let meanLate = try rewards([1, 1, 1], [0.1, 0.5, 0.9], step: 1500) { ($0.oneSided, $0.advantage) = (.include, .mean) }
    #expect(meanLate.advantages[2].isClose(to: meanEarly.advantages[2] / M_E))
  }

  @Test("advantages do not change when every outcome is shifted, and sum to 0")
  func shiftInvariance() throws {
    let plain = try rewards([1, 0, 0.2, 0.7], [0.3, 0.5, 0.4, 0.9])
    let shifted = normalizedAdvantages(of: plain.totals.map { $0 + 5 }, scale: .std)
    #expect(zip(plain.advantages, shifted).allSatisfy { $0.isClose(to: $1, within: 1e-9) })
    #expect(abs(plain.advantages.reduce(0, +)) < 1e-12)
  }

  @Test("a missing score is neutral: its thinking term is 0 against the group's mean, and gamma ignores it")
  func missing() throws {
    let group = try rewards([1, 1, 0, 0], [0.8, nil, 0.4, 0.6])
    #expect(group.missingThinking == 1 && group.gamma == 1)
    #expect(group.muCorrect == 0.8 && group.muWrong == 0.5)
    let outcomeMean = 0.5
    let mean = group.totals.reduce(0, +) / 4
    #expect((group.totals[1] - mean).isClose(to: 1 - outcomeMean))
    #expect(group.totals[1].isClose(to: 1 + 0.3 * 0.6))
  }

  @Test("scores that are no scores count as missing", arguments: [Double.nan, .infinity, -0.1, 1.1])
  func unusable(score: Double) throws {
    #expect(try rewards([1, 0, 0], [0.5, score, 0.4]) == rewards([1, 0, 0], [0.5, nil, 0.4]))
  }

  @Test("no score at all, or scores on one side only, give no evidence")
  func noEvidence() throws {
    let none = try rewards([1, 0], [nil, nil])
    #expect(none.totals == [1, 0] && none.gamma == nil && none.missingThinking == 2 && !none.oneSided)
    let oneSide = try rewards([1, 0], [0.7, nil])
    #expect(oneSide.totals == [1, 0] && oneSide.gamma == nil && oneSide.muCorrect == 0.7)
    #expect(try rewards([1, 0], [0.7, nil]) { $0.oneSided = .include }.gamma == 1)
  }

  @Test("identical totals have no variance, whatever rounding does", arguments: [[0.1, 0.1, 0.1], [0.3], [1e300, 1e300]])
  func zeroVariance(outcomes: [Double]) throws {
    let group = try rewards(outcomes, outcomes.map { _ in nil })
    #expect(group.zeroVariance && group.standardDeviation == 0 && group.advantages.allSatisfy { $0 == 0 })
  }

  @Test("what the arithmetic is not defined for is an error")
  func refused() {
    #expect(throws: TrustGRPOError.emptyGroup) { try rewards([], []) }
    #expect(throws: TrustGRPOError.countMismatch(what: "thinking scores", expected: 2, found: 1)) { try rewards([1, 0], [1]) }
    #expect(throws: TrustGRPOError.notFinite(what: "outcome", index: 1)) { try rewards([1, .nan], [1, 1]) }
    #expect(throws: TrustGRPOError.self) { try rewards([1, 0], [1, 1]) { $0.totalSteps = 0 } }
    #expect(throws: TrustGRPOError.self) { try rewards([1, 0], [1, 1], step: -1) }
  }
}

@Suite("The released code's departures")
struct ReleasedCodeTests {
  private func rewards(_ outcomes: [Double], _ thinking: [Double?], step: Int = 0) throws -> GroupRewards {
    let settings = TrustGRPOSettings(mode: .releasedCode, totalSteps: 1500, releasedAnnealingSteps: 500)
    return try GroupRewards.compute(outcomes: outcomes, thinking: thinking, step: step, settings: settings)
  }

  @Test("T is a setting, not the number of steps")
  func ownAnnealing() throws {
    #expect(try rewards([1, 0], [0.5, 0.5], step: 500).weight.isClose(to: 0.3 * 0.36787944117144233))
  }

  @Test("with outcomes of 0 and 1 wrong members count 0 and trust never bites")
  func trustNeverBites() throws {
    let group = try rewards([1, 0], [0.1, 0.9])
    #expect(group.gamma == 1 && group.muWrong == 0)
    #expect(group.totals[1] == 0 && group.totals[0].isClose(to: 1.03))
    #expect(group.missingThinking == 0)
  }

  @Test("outcomes between the extremes are asked and can lose trust")
  func partialOutcomes() throws {
    let group = try rewards([0.6, 0.3], [0.2, 0.7])
    #expect(try #require(group.gamma).isClose(to: 0.6065306597126334))
  }

  @Test("groups at the extremes are not asked", arguments: [[0.9, 1.0], [0.0, 0.1]])
  func extremes(outcomes: [Double]) throws {
    let settings = TrustGRPOSettings(mode: .releasedCode)
    #expect(GroupRewards.thinkingWanted(outcomes: outcomes, settings: settings) == [false, false])
    #expect(try rewards(outcomes, [0.5, 0.9]).totals == outcomes)
  }

  @Test("only members from 0.2 on are asked; the paper asks all of a mixed group and none of a one-sided one")
  func wanted() {
    let released = TrustGRPOSettings(mode: .releasedCode)
    #expect(GroupRewards.thinkingWanted(outcomes: [1, 0, 0.2, 0.19], settings: released) == [true, false, true, false])
    let paper = TrustGRPOSettings()
    #expect(GroupRewards.thinkingWanted(outcomes: [1, 0], settings: paper) == [true, true])
    #expect(GroupRewards.thinkingWanted(outcomes: [1, 1], settings: paper) == [false, false])
    #expect(GroupRewards.thinkingWanted(outcomes: [1, 1], settings: TrustGRPOSettings(oneSided: .include)) == [true, true])
    #expect(GroupRewards.thinkingWanted(outcomes: [1, 0], settings: TrustGRPOSettings(mode: .grpo)) == [false, false])
  }
}
