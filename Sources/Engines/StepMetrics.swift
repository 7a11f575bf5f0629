internal import Rollout

/// The numbers of a step that follow from its groups alone.
enum StepMetrics {
  static func of(_ groups: [ScoredGroup]) -> [Metric] {
    let outcomes = groups.flatMap(\.outcomes)
    let thinking = groups.flatMap { $0.thinking.compactMap { $0 } }
    let gammas = groups.compactMap(\.rewards.gamma)
    let lengths = groups.flatMap { $0.responses.map { Double($0.tokens.count) } }
    return [
      Metric("outcome", mean(outcomes)), Metric("thinking", mean(thinking)), Metric("gamma", mean(gammas)),
      Metric("thinking_missing", Double(groups.reduce(0) { $0 + $1.rewards.missingThinking })),
      Metric("one_sided", mean(groups.map { $0.rewards.oneSided ? 1 : 0 })),
      Metric("zero_variance", mean(groups.map { $0.rewards.zeroVariance ? 1 : 0 })),
      Metric("response_tokens", mean(lengths)), Metric("groups", Double(groups.count)),
      Metric("seconds.generation", groups.reduce(0) { $0 + $1.generationSeconds }),
      Metric("seconds.scoring", groups.reduce(0) { $0 + $1.scoringSeconds }),
    ]
  }

  /// NaN where there is nothing to average.
  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }
}

extension TrustGRPOMetrics {
  var named: [Metric] {
    let always = [
      Metric("loss", loss), Metric("kl", kl), Metric("entropy", entropy), Metric("clip_fraction", clipFraction),
      Metric("ratio", meanRatio), Metric("gradient_norm", gradientNorm), Metric("learning_rate", learningRate),
      Metric("seconds.reference", referenceSeconds),
    ]
    guard let importance else { return always }
    return always + [
      Metric("importance_weight", importance.meanWeight), Metric("truncated_fraction", importance.truncatedFraction),
    ]
  }
}
