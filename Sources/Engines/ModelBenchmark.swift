internal import Foundation
internal import Rollout
internal import Torch
internal import TrustGRPO
package import VisionLanguage

/// How fast a model generates groups of responses, and takes a training step on them.
///
/// Random prompts of one image and words, responses of one exact length: what is measured depends on sizes, not on what a
/// model says. Needs no tokenizer.
package struct ModelBenchmark {
  package var groups = 4
  package var samples = 8
  /// Tokens a response.
  package var responseTokens = 128
  /// Tokens a prompt, those of its image included.
  package var promptTokens = 300
  /// Pixels; brought to multiples of a token's side.
  package var image = (width: 448, height: 392)
  package var repeats = 3
  package var cacheLimit = 1 << 30
  private let model: Qwen25VL

  package init(_ model: Qwen25VL) { self.model = model }

  /// Hidden size 512 in 8 layers, 8 heads that share 2 key heads, a vision tower of 4 blocks: 27 million parameters with a
  /// vocabulary of 8,192.
  package static func configuration(vocabularySize: Int) throws(ModelError) -> Qwen25VLConfiguration {
    try Qwen25VLConfiguration.benchmark(vocabularySize: vocabularySize)
  }

  package struct Generation: Sendable, Encodable {
    /// Response tokens a second, the reading of the prompts included; the best of the repeats.
    package var tokensPerSecond = 0.0
    package var seconds = 0.0
    /// Of these, reading the prompts.
    package var promptSeconds = 0.0
    package var steps = 0
    /// Responses that are decoded at once, in the mean of the steps.
    package var meanWidth = 0.0
    /// Bytes that the process held at most.
    package var peakBytes = 0
    /// Floating-point operations a second in products of large matrices, measured in the same run.
    package var matmulFlops = 0.0
    /// The work's products a second, as a share of that.
    package var fractionOfPeak = 0.0
    package var parameters = 0
  }

  package struct Training: Sendable, Encodable {
    package var secondsPerStep = 0.0
    package var generateSeconds = 0.0
    /// Advantages from made-up rewards.
    package var rewardSeconds = 0.0
    /// Log-probabilities of the reference, forward and backward pass, optimiser.
    package var updateSeconds = 0.0
    /// Of these, the reference policy.
    package var referenceSeconds = 0.0
    /// Response tokens trained a second, over the whole step.
    package var tokensPerSecond = 0.0
    package var peakBytes = 0
    package var matmulFlops = 0.0
    package var fractionOfPeak = 0.0
    package var parameters = 0
  }

  // MARK: Generation

  package func generation(progress: (String) -> Void) throws -> Generation {
    let prompts = try prompts()
    var best = Generation(seconds: .infinity)
    _ = try generate(prompts, seed: 0)
    for repetition in 0..<repeats {
      progress("generating, \(repetition + 1) of \(repeats)")
      let found = try generate(prompts, seed: UInt64(repetition)).measured
      if found.seconds < best.seconds { best = found }
    }
    best.peakBytes = TorchRuntime.peakResidentBytes ?? 0
    best.parameters = model.parameters.count
    best.matmulFlops = try TorchRuntime.matmulRate(size: 1024, on: model.device)
    best.fractionOfPeak = operations(isTraining: false) / best.seconds / best.matmulFlops
    return best
  }

  private func generate(_ prompts: [VisualPrompt], seed: UInt64) throws -> (responses: [[ContinuousBatch.Row]], measured: Generation) {
    let settings = SamplingSettings(maximumTokens: responseTokens, stopTokens: [])
    let requests = prompts.enumerated().map { index, prompt in
      ContinuousBatch.Request(prompt: prompt, samples: samples) { sample, position in
        CounterRandom(seed: seed, epoch: 0, prompt: UInt32(index), sample: UInt32(sample)).uniform(at: UInt32(position))
      }
    }
    let pages = try Decoding.pageCount(
      model.configuration, model.dtype, prompts: prompts.map(\.tokens.count), rows: min(GenerationEngine.width, groups * samples),
      tokens: responseTokens, limit: cacheLimit)
    let clock = ContinuousClock()
    let start = clock.now
    var batch = ContinuousBatch(
      try Decoding(model, pages: pages), settings, stops: [], width: GenerationEngine.width)
    for request in requests { _ = batch.add(request) }
    var responses = [[ContinuousBatch.Row]](repeating: [], count: groups)
    while !batch.isEmpty {
      for end in try batch.step() { responses[end.number] = try end.rows.get() }
    }
    var measured = Generation()
    measured.seconds = (clock.now - start).inSeconds
    measured.promptSeconds = batch.counts.promptSeconds
    measured.steps = batch.counts.steps
    measured.meanWidth = Double(batch.counts.tokens) / Double(max(1, batch.counts.steps))
    measured.tokensPerSecond = Double(groups * samples * responseTokens) / measured.seconds
    return (responses, measured)
  }

  // MARK: Training

  /// - Parameter reference: a model of its own with the same weights.
  package func training(reference: Qwen25VL, settings: TrustGRPOTrainerSettings, progress: (String) -> Void) throws -> Training {
    let prompts = try prompts()
    let algorithm = TrustGRPOSettings()
    let trainer = try TrustGRPOTrainer(policy: model, reference: reference, algorithm: algorithm, settings: settings)
    var best = Training(secondsPerStep: .infinity)
    let clock = ContinuousClock()
    for repetition in 0...repeats {  // the first warms up
      progress(repetition == 0 ? "warming up" : "training, \(repetition) of \(repeats)")
      let start = clock.now
      let sampled = try generate(prompts, seed: UInt64(repetition)).responses
      let generated = clock.now
      let batch = try zip(prompts, sampled).map { prompt, rows in
        // Outcomes as a policy half right would have them; what they are does not change the work.
        let rewards = try GroupRewards.compute(
          outcomes: rows.indices.map { $0 % 2 == 0 ? 1 : 0 }, thinking: rows.indices.map { Double($0 % 5) / 4 }, step: 0,
          settings: algorithm)
        return TrainingGroup(
          prompt: prompt,
          responses: zip(rows, rewards.advantages).map { row, advantage in
            TrainingGroup.Response(
              tokens: row.tokens, behaviourLogProbabilities: row.logProbabilities, advantage: Float(advantage))
          })
      }
      let rewarded = clock.now
      let metrics = try trainer.train(batch, step: 1)
      let end = clock.now
      guard repetition > 0, (end - start).inSeconds < best.secondsPerStep else { continue }
      best.secondsPerStep = (end - start).inSeconds
      best.generateSeconds = (generated - start).inSeconds
      best.rewardSeconds = (rewarded - generated).inSeconds
      best.updateSeconds = (end - rewarded).inSeconds
      best.referenceSeconds = metrics.referenceSeconds
    }
    best.tokensPerSecond = Double(groups * samples * responseTokens) / best.secondsPerStep
    best.peakBytes = TorchRuntime.peakResidentBytes ?? 0
    best.parameters = model.parameters.count
    best.matmulFlops = try TorchRuntime.matmulRate(size: 1024, on: model.device)
    best.fractionOfPeak = operations(isTraining: true) / best.secondsPerStep / best.matmulFlops
    return best
  }

  // MARK: The work

  private func prompts() throws -> [VisualPrompt] {
    let sizes = model.configuration
    let side = sizes.vision.patchSize * sizes.vision.spatialMergeSize
    let (rows, columns) = (max(1, image.height / side), max(1, image.width / side))
    let words = promptTokens - rows * columns - 2
    guard words > 0 else {
      throw ModelError(
        code: "bench.prompt", message: "an image of \(image.width) x \(image.height) takes \(rows * columns) of \(promptTokens) tokens",
        advice: "give a smaller --image or more --prompt-tokens")
    }
    return (0..<groups).map { group in
      let random = CounterRandom(seed: 1, epoch: 0, prompt: UInt32(group), sample: 0)
      let count = rows * columns * sizes.vision.mergeUnit * sizes.vision.patchElements
      let patches = ImagePatches(
        values: (0..<count).map { Float(sin(Double($0) * 0.37 + Double(group))) },
        gridHeight: rows * sizes.vision.spatialMergeSize, gridWidth: columns * sizes.vision.spatialMergeSize,
        mergeSize: sizes.vision.spatialMergeSize)
      let limit = min(sizes.tokens.image, sizes.tokens.video, sizes.tokens.visionStart, sizes.tokens.visionEnd)
      let text = (0..<words).map { Int32(random.uniform(at: UInt32($0)) * Double(max(1, limit))) }
      let picture = [Int32](repeating: Int32(sizes.tokens.image), count: rows * columns)
      return VisualPrompt(
        tokens: [Int32(sizes.tokens.visionStart)] + picture + [Int32(sizes.tokens.visionEnd)] + text, images: [patches])
    }
  }

  /// Floating-point operations of the products of weights that the work takes: two for each weight and token that meet, six
  /// where gradients are taken; attention, which adds a few parts in a hundred, is left out.
  private func operations(isTraining: Bool) -> Double {
    let sizes = model.configuration
    let head = Double(sizes.vocabularySize * sizes.hiddenSize)
    let vision = Double(model.parameters.named.filter { $0.name.hasPrefix("visual.") }.reduce(0) { $0 + $1.count })
    let layers = Double(model.parameters.count) - vision - head * (sizes.tiesEmbeddings ? 1 : 2)
    let side = sizes.vision.patchSize * sizes.vision.spatialMergeSize
    let patches = Double(groups * (image.height / side) * (image.width / side) * sizes.vision.mergeUnit)
    let prompt = Double(groups * promptTokens) * layers + patches * vision
    let response = Double(groups * samples * responseTokens) * (layers + head)
    // Generation, reference and training read prompts and responses; training goes back through both as well.
    return 2 * (prompt + response) * (isTraining ? 5 : 1)
  }
}
