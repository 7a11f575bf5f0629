/// The rewards and advantages of one group: what N responses to one prompt are trained towards.
package struct GroupRewards: Sendable, Hashable {
  /// The trust weight that was applied, equation 3; 1 with trust switched off or a one-sided group included. `nil` where the
  /// thinking reward was not used: no scores, no contrast under `one-sided: exclude`, or thinking switched off.
  package let gamma: Double?
  /// Equations 1 and 2, over the members that have a thinking score; `nil` where a side has none.
  package let muCorrect: Double?
  package let muWrong: Double?
  /// What a thinking score is multiplied with in equation 5: gamma * alpha * exp(-step / T), or 0 where it does not count.
  package let weight: Double
  /// R of equation 5, one a member.
  package let totals: [Double]
  /// A of equation 6, one a member; all 0 if the totals do not vary.
  package let advantages: [Double]
  /// Whether all members are correct or all are wrong.
  package let oneSided: Bool
  /// How many members of a group that was to be scored have no usable thinking score.
  package let missingThinking: Int
  /// The standard deviation of the totals, with n - 1; 0 for a single member.
  package let standardDeviation: Double

  /// Puts together what was computed before and kept, bit for bit; `compute` is where the numbers come from.
  package init(
    gamma: Double?, muCorrect: Double?, muWrong: Double?, weight: Double, totals: [Double], advantages: [Double],
    oneSided: Bool, missingThinking: Int, standardDeviation: Double
  ) {
    self.gamma = gamma
    self.muCorrect = muCorrect
    self.muWrong = muWrong
    self.weight = weight
    self.totals = totals
    self.advantages = advantages
    self.oneSided = oneSided
    self.missingThinking = missingThinking
    self.standardDeviation = standardDeviation
  }

  /// Whether the totals do not vary, so that the group teaches nothing.
  package var zeroVariance: Bool { standardDeviation == 0 }
}

extension GroupRewards {
  /// Equations 1 to 6 of SophiaVL-R1 for one group.
  ///
  /// A thinking score that is absent, not finite or outside [0, 1] is missing, never 0. Its member is totalled with the mean
  /// of the scores its group does have. That choice is neutral: compared with the group's mean the thinking term of that
  /// member is then exactly 0, so it is neither rewarded nor punished for a score nobody gave. Gamma comes from present
  /// scores alone, and where they all lie on one side there is no contrast, which is handled as a one-sided group is.
  ///
  /// - Parameters:
  ///   - outcomes: Ro, one a member, finite.
  ///   - thinking: Rt, one a member, in [0, 1], `nil` where missing.
  ///   - step: training step, from 0.
  package static func compute(
    outcomes: [Double], thinking: [Double?], step: Int, settings: TrustGRPOSettings
  ) throws(TrustGRPOError) -> GroupRewards {
    guard !outcomes.isEmpty else { throw .emptyGroup }
    guard thinking.count == outcomes.count else {
      throw .countMismatch(what: "thinking scores", expected: outcomes.count, found: thinking.count)
    }
    if let index = outcomes.firstIndex(where: { !$0.isFinite }) { throw .notFinite(what: "outcome", index: index) }
    try settings.check(step: step)

    let scores = countedScores(outcomes: outcomes, thinking: thinking, settings: settings)
    let evidence = trust(outcomes: outcomes, thinking: scores, correctThreshold: settings.correctThreshold)
    let wanted = thinkingWanted(outcomes: outcomes, settings: settings)
    let gamma = appliedGamma(
      evidence, oneSided: isOneSided(outcomes, settings), anyScore: scores.contains { $0 != nil },
      anyWanted: wanted.contains(true), settings: settings)
    var weight = 0.0
    if let gamma {
      let factor = settings.annealing ? annealing(step: step, of: settings.annealingSteps) : 1
      weight = gamma * settings.alpha * factor
    }

    var mean = RunningMean()
    for score in scores { if let score { mean.add(score) } }
    let neutral = mean.value ?? 0
    let totals = zip(outcomes, scores).map { $0 + weight * ($1 ?? neutral) }
    let deviation = sampleDeviation(of: totals)
    return GroupRewards(
      gamma: gamma, muCorrect: evidence.muCorrect, muWrong: evidence.muWrong, weight: weight, totals: totals,
      advantages: normalizedAdvantages(of: totals, scale: settings.advantage), oneSided: isOneSided(outcomes, settings),
      missingThinking: zip(wanted, scores).count { $0 && $1 == nil }, standardDeviation: deviation)
  }

  /// Which members' thinking scores can change the group's totals, so that a scorer need ask for no others.
  ///
  /// - Returns: one flag a member.
  package static func thinkingWanted(outcomes: [Double], settings: TrustGRPOSettings) -> [Bool] {
    var none: [Bool] { Array(repeating: false, count: outcomes.count) }
    guard settings.usesThinking else { return none }
    switch settings.mode {
    case .grpo: return none
    case .paper:
      let wanted = settings.oneSided == .include || !isOneSided(outcomes, settings)
      return outcomes.map { _ in wanted }
    case .releasedCode:
      if releasedCodeLeavesOut(outcomes) { return none }
      return outcomes.map { $0 >= ReleasedCode.askedFrom }
    }
  }

  /// The scores that count: usable ones, and in mode `released-code` 0 for whoever is not asked.
  private static func countedScores(
    outcomes: [Double], thinking: [Double?], settings: TrustGRPOSettings
  ) -> [Double?] {
    guard settings.usesThinking else { return outcomes.map { _ in nil } }
    if settings.mode == .releasedCode, releasedCodeLeavesOut(outcomes) { return outcomes.map { _ in nil } }
    return zip(outcomes, thinking).map { outcome, score in
      if settings.mode == .releasedCode, outcome < ReleasedCode.askedFrom { return 0 }
      guard let score, score >= 0, score <= 1 else { return nil }  // a NaN fails both comparisons
      return score
    }
  }

  /// The gamma to multiply with, or `nil` if the thinking reward does not count in this group.
  private static func appliedGamma(
    _ evidence: Trust, oneSided: Bool, anyScore: Bool, anyWanted: Bool, settings: TrustGRPOSettings
  ) -> Double? {
    guard anyScore, anyWanted else { return nil }
    if settings.mode == .releasedCode {
      // Its own rule on extreme groups, already applied, takes the place of `oneSided`; a missing side has mean 0 there.
      return settings.trust ? evidence.gamma ?? 1 : 1
    }
    if !settings.trust, !oneSided { return 1 }
    return evidence.gamma ?? (settings.oneSided == .include ? 1 : nil)
  }

  private static func isOneSided(_ outcomes: [Double], _ settings: TrustGRPOSettings) -> Bool {
    let correct = outcomes.count { $0 >= settings.correctThreshold }
    return correct == 0 || correct == outcomes.count
  }

  private static func releasedCodeLeavesOut(_ outcomes: [Double]) -> Bool {
    outcomes.allSatisfy { $0 >= ReleasedCode.allRight } || outcomes.allSatisfy { $0 <= ReleasedCode.allWrong }
  }
}

extension TrustGRPOSettings {
  /// Refuses what equation 5 has no value for.
  fileprivate func check(step: Int) throws(TrustGRPOError) {
    guard step >= 0 else { throw .settingOutOfRange(name: "step", value: "\(step)", accepted: "0 or more") }
    guard annealingSteps > 0 else {
      throw .settingOutOfRange(name: "T", value: "\(annealingSteps)", accepted: "1 or more")
    }
    guard alpha.isFinite, alpha >= 0 else {
      throw .settingOutOfRange(name: "alpha", value: "\(alpha)", accepted: "0 or more")
    }
  }
}
