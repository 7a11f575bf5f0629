internal import Torch
package import TrustGRPO
package import VisionLanguage

/// Which policy the ratio of equation 7 is taken to.
package enum TrustGRPOObjective: Sendable, Hashable {
  /// The policy that sampled. For samples of the policy that the step starts from: synchronous training.
  case coupled
  /// The policy at the start of the step, with truncated importance weights for who sampled: asynchronous training.
  /// `TrustGRPO.referenceLoss` has the equation and its sources.
  case decoupled
}

/// What an update is made with, besides the arithmetic of `TrustGRPOSettings`.
package struct TrustGRPOTrainerSettings: Sendable {
  package var learningRate = 5e-7
  package var weightDecay = 0.01
  package var betas = (0.9, 0.999)
  package var epsilon = 1e-8
  /// The gradient's 2-norm is scaled down to this; infinity leaves it.
  package var maximumGradientNorm = 1.0
  /// Steps over which the learning rate rises to its value.
  package var warmupSteps = 0
  /// Responses an optimiser step; nil takes all that `train` is given in one.
  package var globalBatchSize: Int?
  /// Groups in memory at once. Bits depend on it, means do not.
  package var microBatchGroups = 16
  /// Tokens in memory at once, padding included; nil: any number. Where a group has more it is parted by responses.
  package var microBatchTokens: Int?
  /// Whether weights in bfloat16 are trained by way of float32 copies.
  package var keepsMasterWeights = false
  package var freezesVisionTower = false
  package var objective = TrustGRPOObjective.coupled

  package init() {}
}

/// How the decoupled objective weighed the tokens of a step.
package struct Importance: Sendable, Hashable {
  /// Mean of min(pi_proximal / pi_behaviour, cap).
  package var meanWeight = 0.0
  /// Share of tokens for which the cap decides.
  package var truncatedFraction = 0.0
}

/// What one call of `train` did. Means are over response tokens.
package struct TrustGRPOMetrics: Sendable, Hashable {
  package var loss = 0.0
  /// k3 to the reference policy, nats; 0 if the KL coefficient is 0.
  package var kl = 0.0
  /// Of the policy before the update, nats.
  package var entropy = 0.0
  /// Share of tokens where the clipped branch decides.
  package var clipFraction = 0.0
  /// The ratio that is clipped: pi / pi_behaviour, or pi / pi_proximal with the decoupled objective.
  package var meanRatio = 0.0
  /// nil with the coupled objective, where every token has weight 1.
  package var importance: Importance?
  /// Before clipping; the mean over optimiser steps.
  package var gradientNorm = 0.0
  package var learningRate = 0.0
  package var optimizerSteps = 0
  package var tokens = 0
  package var seconds = 0.0
  /// Of `seconds`, spent on the reference policy.
  package var referenceSeconds = 0.0
}

/// Trains a policy with equation 7 of SophiaVL-R1 (arXiv 2505.17018) on scored groups.
///
/// A group's prompt, image included, is read once for all of its responses, forward and backward. The same weights, groups
/// in the same order, and threads give the same bits.
package final class TrustGRPOTrainer {
  package let policy: Qwen25VL
  /// Never changed here. Nil if the KL coefficient is 0; of a policy with adapters the policy itself, which without them is
  /// still the one that training starts from.
  package let reference: Qwen25VL?
  package var settings: TrustGRPOTrainerSettings
  let optimizer: AdamW
  /// Of the optimiser's parameters, in its order.
  let trainedNames: [String]
  private let loss: TrustGRPOLoss

  /// - Parameter reference: a model of its own with the weights to stay close to; needed unless the KL coefficient is 0 or
  ///   the policy has adapters, beside which only the adapters are trained.
  package init(
    policy: Qwen25VL, reference: Qwen25VL?, algorithm: TrustGRPOSettings, settings: TrustGRPOTrainerSettings
  ) throws {
    let reference = policy.parameters.hasAdapters ? policy : reference
    guard algorithm.klCoefficient == 0 || reference != nil else {
      throw TrainingError.batch("the KL coefficient is \(algorithm.klCoefficient) and there is no reference policy")
    }
    guard settings.microBatchGroups > 0, settings.microBatchTokens ?? 1 > 0, settings.globalBatchSize ?? 1 > 0 else {
      throw TrainingError(
        code: "training.settings", message: "a batch size is not positive", advice: "set optimizer batch sizes to 1 or more")
    }
    let parameters = policy.parameters
    try parameters.setTrained { !settings.freezesVisionTower || !$0.hasPrefix("visual.") }
    self.policy = policy
    self.reference = algorithm.klCoefficient == 0 ? nil : reference
    self.settings = settings
    let trained = parameters.trained.filter(\.tensor.requiresGradient)
    trainedNames = trained.map(\.name)
    optimizer = try AdamW(
      trained.map(\.tensor), betas: settings.betas, epsilon: settings.epsilon,
      weightDecay: settings.weightDecay, keepsMasters: settings.keepsMasterWeights)
    loss = TrustGRPOLoss(
      clipLow: algorithm.clipLow, clipHigh: algorithm.clipHigh, klCoefficient: algorithm.klCoefficient,
      importanceCap: settings.objective == .decoupled ? algorithm.importanceCap : nil)
  }

  /// One pass over `groups` in the given order: an optimiser step for each `globalBatchSize` responses.
  ///
  /// The proximal policy of the decoupled objective is the one that the pass starts from. A single optimiser step has it at
  /// hand; before several, the log-probabilities of all groups are worked out.
  ///
  /// - Parameters:
  ///   - step: of training, from 1; sets the learning rate during warm-up.
  ///   - referenceLogProbabilities: nats, [group][response][token], if they are known already.
  package func train(
    _ groups: [TrainingGroup], step: Int, referenceLogProbabilities: [[[Float]]]? = nil
  ) throws -> TrustGRPOMetrics {
    guard !groups.isEmpty else { throw TrainingError.batch("there is no group to train on") }
    for group in groups { try group.check() }
    guard referenceLogProbabilities.map({ $0.count == groups.count }) ?? true else {
      throw TrainingError.batch("reference log-probabilities came for other groups")
    }
    let clock = ContinuousClock()
    let started = clock.now
    var metrics = TrustGRPOMetrics()
    metrics.learningRate = learningRate(at: step)
    let samples = max(1, groups[0].responses.count)
    let groupsPerStep = settings.globalBatchSize.map { max(1, $0 / samples) } ?? groups.count
    var known = KnownLogProbabilities(reference: referenceLogProbabilities)
    if isDecoupled, groupsPerStep < groups.count {
      known.proximal = try PolicyScoring.score(
        policy, prompts: groups.map(\.prompt), responses: groups.map { $0.responses.map(\.tokens) },
        rowsPerBatch: settings.microBatchGroups * samples
      ).logProbabilities
    }
    for first in stride(from: 0, to: groups.count, by: groupsPerStep) {
      try update(groups, first..<min(first + groupsPerStep, groups.count), known, &metrics)
    }
    let tokens = Double(metrics.tokens)
    metrics.loss /= tokens
    metrics.kl /= tokens
    metrics.clipFraction /= tokens
    metrics.meanRatio /= tokens
    metrics.entropy /= tokens
    metrics.importance?.meanWeight /= tokens
    metrics.importance?.truncatedFraction /= tokens
    metrics.gradientNorm /= Double(metrics.optimizerSteps)
    metrics.seconds = (clock.now - started) / .seconds(1)
    return metrics
  }

  private var isDecoupled: Bool { loss.importanceCap != nil }

  private func learningRate(at step: Int) -> Double {
    let warmup = settings.warmupSteps
    return settings.learningRate * (warmup > 0 ? min(1, Double(step) / Double(warmup)) : 1)
  }

  /// One step of the optimiser. Adds the sums of its tokens to `metrics`.
  private func update(
    _ groups: [TrainingGroup], _ range: Range<Int>, _ known: KnownLogProbabilities, _ metrics: inout TrustGRPOMetrics
  ) throws {
    optimizer.clearGradients()
    defer { optimizer.clearGradients() }
    try accumulateGradients(groups, range, known, &metrics)
    guard metrics.loss.isFinite else { throw TrainingError.notFinite("the loss") }
    let norm = try optimizer.clipGradientNorm(settings.maximumGradientNorm)
    guard norm.isFinite else { throw TrainingError.notFinite("the gradient") }
    try optimizer.step(learningRate: metrics.learningRate)
    metrics.gradientNorm += norm
    metrics.optimizerSteps += 1
  }

  /// Adds the gradient of the mean loss over the tokens of `range` to the parameters', a micro-batch after the other.
  func accumulateGradients(
    _ groups: [TrainingGroup], _ range: Range<Int>, _ known: KnownLogProbabilities, _ metrics: inout TrustGRPOMetrics
  ) throws {
    let tokens = groups[range].reduce(0) { $0 + $1.tokenCount }
    let limits = MicroBatchLimits(groups: settings.microBatchGroups, tokens: settings.microBatchTokens)
    for part in limits.cut(Array(groups[range]), known: known[range]) {
      let batch = try TrainingBatch(part.groups[...], known: part.known, on: policy.device)
      let referenceValues = try referenceLogProbabilities(batch, &metrics)
      let prompts = try policy.encode(batch.prompts)
      var sums: TrustGRPOLoss.Sums?
      for (index, part) in batch.parts.enumerated() {
        let found = try policy.logProbabilities(after: prompts, part.continuations)
        let more = try loss.sums(
          policy: found.logProbabilities, entropies: found.entropies, behaviour: part.behaviour,
          proximal: part.proximal, reference: referenceValues?[index], advantages: part.advantages, mask: part.mask)
        sums = try sums?.adding(more) ?? more
      }
      guard let sums else { continue }
      try (sums.loss * (1 / Double(tokens))).backward()
      let values: [Double] = try sums.metrics.values()
      metrics.loss += try sums.loss.item()
      metrics.kl += values[0]
      metrics.clipFraction += values[1]
      metrics.meanRatio += values[2]
      metrics.entropy += values[3]
      if isDecoupled {
        metrics.importance = Importance(
          meanWeight: (metrics.importance?.meanWeight ?? 0) + values[4],
          truncatedFraction: (metrics.importance?.truncatedFraction ?? 0) + values[5])
      }
    }
    metrics.tokens += tokens
  }

  /// Of each part of the batch; nil without a KL penalty.
  private func referenceLogProbabilities(
    _ batch: TrainingBatch, _ metrics: inout TrustGRPOMetrics
  ) throws -> [Tensor]? {
    guard let reference else { return nil }
    let known = batch.parts.compactMap(\.reference)
    guard known.count < batch.parts.count else { return known }
    let started = ContinuousClock.now
    defer { metrics.referenceSeconds += (ContinuousClock.now - started) / .seconds(1) }
    return try withoutGradient {
      try reference.parameters.withoutAdapters {
        let prompts = try reference.encode(batch.prompts)
        return try batch.parts.map { try reference.logProbabilities(after: prompts, $0.continuations).logProbabilities }
      }
    }
  }
}
