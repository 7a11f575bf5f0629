internal import Foundation

/// What one response brings to the loss. All log-probabilities are in nats, one a response token.
package struct ResponseTokens: Sendable, Hashable {
  /// Of the policy that is being trained.
  package let policy: [Double]
  /// Of the policy that sampled the response.
  package let behaviour: [Double]
  /// Of the policy at the start of the training step, constants to the gradient. With them the loss is the decoupled one;
  /// nil takes the policy that sampled for it.
  package let proximal: [Double]?
  /// Of the frozen reference policy; not read if the KL coefficient is 0, and may then be empty.
  package let reference: [Double]
  /// A of equation 6, the same for all tokens of the response.
  package let advantage: Double

  package init(
    policy: [Double], behaviour: [Double], proximal: [Double]? = nil, reference: [Double], advantage: Double
  ) {
    self.policy = policy
    self.behaviour = behaviour
    self.proximal = proximal
    self.reference = reference
    self.advantage = advantage
  }
}

/// Equation 7 evaluated on plain arrays, with its gradient: what a trainer on tensors is held against.
package struct ReferenceLoss: Sendable, Hashable {
  /// The negative of equation 7, to be minimised: the mean over tokens of -w min(r A, clip(r) A) + beta k3.
  package let loss: Double
  /// The surrogate's part of `loss`, without the KL term.
  package let policyLoss: Double
  /// Mean over tokens of k3 = exp(d) - d - 1 with d = log pi_ref - log pi; 0 if the KL coefficient is 0.
  package let meanKL: Double
  /// Share of tokens where the clipped branch decides, and the surrogate has no gradient.
  package let clipFraction: Double
  /// Mean over tokens of w; 1 without proximal log-probabilities.
  package let meanImportanceWeight: Double
  /// Share of tokens whose importance weight was truncated.
  package let truncatedFraction: Double
  /// d loss / d log pi, [response, token].
  package let gradient: [[Double]]
}

/// Equation 7 of SophiaVL-R1: the clipped surrogate with a KL penalty to the reference policy, averaged over tokens.
///
/// r = pi / pi_behaviour and w = 1, which is right for samples of the policy that the step starts from. Where responses bring
/// proximal log-probabilities it is the decoupled objective (arXiv 2110.00641, for language models AReaL, arXiv 2505.24298):
/// r = pi / pi_proximal, so that what is clipped is the distance gone in this step and not the age of the sample, and
/// w = min(pi_proximal / pi_behaviour, importanceCap) corrects for who sampled, without a gradient of its own.
///
/// - Parameters:
///   - responses: the members of one or more groups; an empty response brings no tokens.
///   - tokenCount: what sums are divided by; the number of tokens given, unless these are one part of a larger batch.
/// - Returns: zeros for a batch without tokens.
package func referenceLoss(
  _ responses: [ResponseTokens], settings: TrustGRPOSettings, tokenCount: Int? = nil
) throws(TrustGRPOError) -> ReferenceLoss {
  for response in responses { try response.check(needsReference: settings.klCoefficient != 0) }
  let tokens = tokenCount ?? responses.reduce(0) { $0 + $1.policy.count }
  guard tokens > 0 else {
    return ReferenceLoss(
      loss: 0, policyLoss: 0, meanKL: 0, clipFraction: 0, meanImportanceWeight: 1, truncatedFraction: 0,
      gradient: responses.map { $0.policy.map { _ in 0 } })
  }
  let scale = 1 / Double(tokens)
  let beta = settings.klCoefficient
  var surrogate = 0.0
  var divergence = 0.0
  var clipped = 0
  var weights = 0.0
  var truncated = 0
  var gradient: [[Double]] = []
  for response in responses {
    var row: [Double] = []
    row.reserveCapacity(response.policy.count)
    for token in response.policy.indices {
      var weight = 1.0
      if let proximal = response.proximal {
        let importance = exp(proximal[token] - response.behaviour[token])
        weight = min(importance, settings.importanceCap)
        if importance > settings.importanceCap { truncated += 1 }
      }
      weights += weight
      let ratio = exp(response.policy[token] - (response.proximal ?? response.behaviour)[token])
      let bounded = min(max(ratio, 1 - settings.clipLow), 1 + settings.clipHigh)
      let (free, held) = (ratio * response.advantage, bounded * response.advantage)
      surrogate += weight * min(free, held)
      // The gradient of min(): that of r A while it is the smaller, none where the constant clip bound is.
      var slope = free <= held ? -weight * free : 0
      if held < free { clipped += 1 }
      if beta != 0 {
        let d = response.reference[token] - response.policy[token]
        divergence += exp(d) - d - 1
        slope += beta * (1 - exp(d))
      }
      row.append(slope * scale)
    }
    gradient.append(row)
  }
  let policyLoss = -surrogate * scale
  let meanKL = divergence * scale
  return ReferenceLoss(
    loss: policyLoss + beta * meanKL, policyLoss: policyLoss, meanKL: meanKL, clipFraction: Double(clipped) * scale,
    meanImportanceWeight: weights * scale, truncatedFraction: Double(truncated) * scale, gradient: gradient)
}

extension ResponseTokens {
  fileprivate func check(needsReference: Bool) throws(TrustGRPOError) {
    guard behaviour.count == policy.count else {
      throw .countMismatch(what: "behaviour log-probabilities", expected: policy.count, found: behaviour.count)
    }
    if let proximal, proximal.count != policy.count {
      throw .countMismatch(what: "proximal log-probabilities", expected: policy.count, found: proximal.count)
    }
    guard !needsReference || reference.count == policy.count else {
      throw .countMismatch(what: "reference log-probabilities", expected: policy.count, found: reference.count)
    }
    guard advantage.isFinite else { throw .notFinite(what: "advantage", index: 0) }
  }
}
