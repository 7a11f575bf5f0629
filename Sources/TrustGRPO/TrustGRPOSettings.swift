/// Which reading of the algorithm is trained.
package enum TrustGRPOMode: String, Sendable, Codable, Hashable, CaseIterable {
  /// The equations of arXiv 2505.17018 as printed.
  case paper
  /// The equations as the released code applies them; `ReleasedCode` lists the departures.
  case releasedCode = "released-code"
  /// Group-relative policy optimisation on the outcome reward alone.
  case grpo
}

/// How the thinking reward counts in a group that has only correct or only wrong members.
///
/// Such a group offers no contrast, so it gives no evidence of trust, and dividing by its standard deviation (equation 6)
/// cancels whatever common factor the thinking reward was given.
package enum OneSidedGroups: String, Sendable, Codable, Hashable, CaseIterable {
  /// The thinking reward is left out: weight 0.
  case exclude
  /// The thinking reward counts with gamma 1.
  case include
}

/// What an advantage is divided by.
package enum AdvantageScale: String, Sendable, Codable, Hashable, CaseIterable {
  /// The group's standard deviation, equation 6.
  case std
  /// Nothing: the reward less the group's mean.
  case mean
}

/// Everything that the arithmetic of Trust-GRPO depends on besides the group itself.
package struct TrustGRPOSettings: Sendable, Codable, Hashable {
  package var mode: TrustGRPOMode
  /// Whether gamma (equations 1 to 3) weighs the thinking reward; gamma is 1 without it.
  package var trust: Bool
  /// Whether exp(-step / T) weighs the thinking reward; the factor is 1 without it.
  package var annealing: Bool
  /// Whether the thinking reward counts at all.
  package var thinkingReward: Bool
  /// The thinking reward's share before trust and annealing; not negative.
  package var alpha: Double
  package var oneSided: OneSidedGroups
  package var advantage: AdvantageScale
  /// An outcome of at least this much is a correct one, in [0, 1].
  package var correctThreshold: Double
  /// The ratio is clipped to [1 - clipLow, 1 + clipHigh], equation 7; clipLow in [0, 1].
  package var clipLow: Double
  package var clipHigh: Double
  /// What a token's importance weight pi_proximal / pi_behaviour is truncated to in asynchronous training; more than 0.
  ///
  /// Truncation bounds the variance that stale samples bring, at the price of a bias towards the policy that sampled them
  /// (V-trace, arXiv 1802.01561). 2 is the default of ms-swift for such weights; TRL has 3. AReaL's code leaves tokens
  /// beyond its bound out instead.
  package var importanceCap: Double
  /// Beta of equation 7; 0 leaves the reference policy out.
  package var klCoefficient: Double
  /// T in mode `paper`: the training steps of the whole run.
  package var totalSteps: Int
  /// T in mode `released-code`, where it is a setting of its own; `totalSteps` if absent.
  package var releasedAnnealingSteps: Int?

  package init(
    mode: TrustGRPOMode = .paper, trust: Bool = true, annealing: Bool = true, thinkingReward: Bool = true,
    alpha: Double = 0.3, oneSided: OneSidedGroups = .exclude, advantage: AdvantageScale = .std,
    correctThreshold: Double = 0.5, clipLow: Double = 0.2, clipHigh: Double = 0.2, importanceCap: Double = 2,
    klCoefficient: Double = 0.04, totalSteps: Int = 1500, releasedAnnealingSteps: Int? = nil
  ) {
    self.mode = mode
    self.trust = trust
    self.annealing = annealing
    self.thinkingReward = thinkingReward
    self.alpha = alpha
    self.oneSided = oneSided
    self.advantage = advantage
    self.correctThreshold = correctThreshold
    self.clipLow = clipLow
    self.clipHigh = clipHigh
    self.importanceCap = importanceCap
    self.klCoefficient = klCoefficient
    self.totalSteps = totalSteps
    self.releasedAnnealingSteps = releasedAnnealingSteps
  }

  /// Whether a thinking reward can change anything under these settings.
  package var usesThinking: Bool { mode != .grpo && thinkingReward }

  /// T of exp(-step / T) under this mode, in steps.
  package var annealingSteps: Int {
    mode == .releasedCode ? releasedAnnealingSteps ?? totalSteps : totalSteps
  }
}

/// Where the released code departs from the paper (mode `released-code`).
///
/// Besides these, its annealing T is a setting and not the number of steps. One departure is not followed: after ten failed
/// requests it counts a thinking score as 0; here a missing score is missing.
package enum ReleasedCode {
  /// A group whose outcomes all reach this is not asked for thinking scores and gives them weight 0.
  package static let allRight = 0.9
  /// The same for a group none of whose outcomes exceeds this.
  package static let allWrong = 0.1
  /// Thinking is asked for from this outcome on and counts 0 below it. With outcomes of 0 and 1 the mean over the wrong
  /// members is therefore always 0, and trust never bites.
  package static let askedFrom = 0.2
}
