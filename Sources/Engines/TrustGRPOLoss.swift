internal import Torch

/// Equation 7 on tensors: what `TrustGRPO.referenceLoss` computes on arrays, in a form that can be differentiated.
struct TrustGRPOLoss {
  var clipLow: Double
  var clipHigh: Double
  /// Beta; 0 leaves the reference policy out.
  var klCoefficient: Double
  /// What importance weights of the decoupled objective are truncated to; nil for the coupled one.
  var importanceCap: Double?

  /// Sums over the tokens of a batch; divide by their number for means.
  struct Sums {
    /// To be minimised: -w min(r A, clip(r) A) + beta k3. The only one with a gradient.
    let loss: Tensor
    /// [6]: k3, tokens where the clipped branch decides, ratio, entropy, importance weight, tokens whose weight was
    /// truncated; the last two only with the decoupled objective, else [4].
    let metrics: Tensor

    func adding(_ other: Sums) throws(TorchError) -> Sums {
      Sums(loss: try loss + other.loss, metrics: try metrics + other.metrics)
    }
  }

  /// All of one shape, 0 where padded; nats.
  ///
  /// - Parameters:
  ///   - policy: log-probabilities, with their graph.
  ///   - entropies: of the policy; a metric.
  ///   - behaviour: log-probabilities of the policy that sampled.
  ///   - proximal: log-probabilities of the policy at the start of the step; nil where that is `policy` as it is. Not read
  ///     by the coupled objective.
  ///   - reference: log-probabilities of the frozen policy; nil with a KL coefficient of 0.
  ///   - advantages: of each token's response; 0 where padded.
  ///   - mask: 1 where there is a token, else 0.
  func sums(
    policy: Tensor, entropies: Tensor, behaviour: Tensor, proximal: Tensor?, reference: Tensor?, advantages: Tensor,
    mask: Tensor
  ) throws(TorchError) -> Sums {
    let anchor = if importanceCap == nil { behaviour } else if let proximal { proximal } else { try policy.detached() }
    let ratio = try (policy - anchor).exp()
    let free = try ratio * advantages
    let held = try ratio.clamped(1 - clipLow, 1 + clipHigh) * advantages
    var surrogate = try free.minimum(held)
    var importance: [Tensor] = []
    if let importanceCap {
      let weight = try (anchor - behaviour).exp()
      let truncated = try weight.clamped(0, importanceCap)
      surrogate = try surrogate * truncated
      importance = try [(truncated * mask).sum(), (weight.greater(importanceCap).cast(to: mask.dtype) * mask).sum()]
    }
    var loss = try -surrogate.sum()
    // Padding gives 0 here too: its log-probabilities are all 0.
    var divergence = try Tensor(scalar: 0, policy.dtype, on: policy.device)
    if let reference, klCoefficient != 0 {
      let d = try reference - policy
      divergence = try (d.exp() - d - 1).sum()
      loss = try loss + divergence * klCoefficient
    }
    let metrics = try withoutGradient { () throws(TorchError) in
      try Tensor.stacked(
        [
          divergence.detached(), held.less(free).cast(to: policy.dtype).sum(), (ratio.detached() * mask).sum(),
          entropies.cast(to: policy.dtype).sum(),
        ] + importance, 0)
    }
    return Sums(loss: loss, metrics: metrics)
  }
}
