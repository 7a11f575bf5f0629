internal import Foundation

/// What one response brings to the loss. All log-probabilities are in nats, one a response token.
package struct ResponseTokens: Sendable, Hashable {
  /// Of the policy that is being trained.
  package let policy: [Double]
  /// Of the policy that sampled the response.
  package let behaviour: [Double]
  /// Of the frozen reference policy; not read if the KL coefficient is 0, and may then be empty.
  package let reference: [Double]
  /// A of equation 6, the same for all tokens of the response.
  package let advantage: Double

  package init(policy: [Double], behaviour: [Double], reference: [Double], advantage: Double) {
    self.policy = policy
    self.behaviour = behaviour
    self.reference = reference
    self.advantage = advantage
  }
}

/// Equation 7 evaluated on plain arrays, with its gradient: what a trainer on tensors is held against.
package struct ReferenceLoss: Sendable, Hashable {
  /// The negative of equation 7, to be minimised: the mean over tokens of -min(r A, clip(r) A) + beta k3.
  package let loss: Double
  /// The surrogate's part of `loss`, without the KL term.
  package let policyLoss: Double
  /// Mean over tokens of k3 = exp(d) - d - 1 with d = log pi_ref - log pi; 0 if the KL coefficient is 0.
  package let meanKL: Double
  /// Share of tokens where the clipped branch decides, and the surrogate has no gradient.
  package let clipFraction: Double
  /// d loss / d log pi, [response, token].
  package let gradient: [[Double]]
}

/// Equation 7 of SophiaVL-R1: the clipped surrogate with a KL penalty to the reference policy, averaged over tokens.
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
      loss: 0, policyLoss: 0, meanKL: 0, clipFraction: 0, gradient: responses.map { $0.policy.map { _ in 0 } })
  }
  let scale = 1 / Double(tokens)
  let beta = settings.klCoefficient
  var surrogate = 0.0
  var divergence = 0.0
  var clipped = 0
  var gradient: [[Double]] = []
  for response in responses {
    var row: [Double] = []
    row.reserveCapacity(response.policy.count)
    for token in response.policy.indices {
      let ratio = exp(response.policy[token] - response.behaviour[token])
      let bounded = min(max(ratio, 1 - settings.clipLow), 1 + settings.clipHigh)
      let (free, held) = (ratio * response.advantage, bounded * response.advantage)
      surrogate += min(free, held)
      // The gradient of min(): that of r A while it is the smaller, none where the constant clip bound is.
      var slope = free <= held ? -free : 0
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
    gradient: gradient)
}

extension ResponseTokens {
  fileprivate func check(needsReference: Bool) throws(TrustGRPOError) {
    guard behaviour.count == policy.count else {
      throw .countMismatch(what: "behaviour log-probabilities", expected: policy.count, found: behaviour.count)
    }
    guard !needsReference || reference.count == policy.count else {
      throw .countMismatch(what: "reference log-probabilities", expected: policy.count, found: reference.count)
    }
    guard advantage.isFinite else { throw .notFinite(what: "advantage", index: 0) }
  }
}
