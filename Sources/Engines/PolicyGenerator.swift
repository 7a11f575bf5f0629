package import Rollout
package import Settings
internal import Threads
package import Torch
package import VisionLanguage

/// A worker's engine: the policy on a thread of its own.
package actor PolicyGenerator: GroupGenerator {
  private let executor = ThreadExecutor(name: "generate")
  private let threads: Int
  private var loaded: (engine: GenerationEngine, encoder: PromptEncoder, settings: RunSettings)?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter threads: for tensors; the bits of a group depend on it, so every worker of a run has the same.
  package init(threads: Int) {
    self.threads = threads
  }

  package func prepare(folder: String, settings json: String) throws -> Duration {
    let settings = try RunSettings(json: json)
    try TorchRuntime.setThreads(threads)
    let configuration = try Qwen25VLConfiguration(folder: folder)
    let encoder = try PromptEncoder(folder: folder, data: settings.data)
    try encoder.check(fits: configuration, folder: folder)
    // The weights arrive with the first version.
    let model = try Qwen25VL(
      configuration, seed: 0, dtype: settings.model.tensorType, device: Device(settings.model.device))
    let engine = try GenerationEngine(
      model: model, tokenizer: encoder.tokenizer, cacheLimit: settings.rollout.cacheMegabytes << 20)
    loaded = (engine, encoder, settings)
    return settings.usualScoring
  }

  package func load(_ manifest: WeightManifest, bytes: [UInt8]) throws {
    try ready().engine.replaceWeights(bytes)
  }

  package func generate(_ lease: Lease) throws -> ResponseGroup {
    let (engine, encoder, settings) = try ready()
    let started = ContinuousClock.now
    let prompt = try encoder.encode(lease.task, name: "row \(lease.unit.prompt)")
    let draws = (0..<settings.rollout.groupSize).map { sample in
      CounterRandom(
        seed: settings.run.seed, epoch: lease.unit.epoch, prompt: lease.unit.prompt, sample: UInt32(sample))
    }
    let responses = try engine.generate(
      prompt: prompt, samples: settings.rollout.groupSize, settings: settings.sampling
    ) { sample, position in draws[sample].uniform(at: UInt32(position)) }
    return ResponseGroup(
      lease: lease, responses: responses, seconds: (ContinuousClock.now - started).inSeconds)
  }

  private func ready() throws -> (engine: GenerationEngine, encoder: PromptEncoder, settings: RunSettings) {
    guard let loaded else {
      throw PromptError(
        code: "engine.not-ready", message: "the policy has not been built yet", advice: "report this with the worker's log")
    }
    return loaded
  }
}

extension RunSettings {
  /// How long a group may take from its worker through a scorer into the journal while all is well.
  fileprivate var usualScoring: Duration {
    var seconds = 5.0
    if thinking.kind == .served { seconds += thinking.requestSeconds }
    if !rewards.program.isEmpty { seconds += rewards.timeoutSeconds }
    return .seconds(min(seconds, cluster.leaseSeconds / 2))
  }
}

extension PromptEncoder {
  package init(folder: String, data: RunSettings.Data) throws {
    try self.init(
      folder: folder, minPixels: data.minPixels, maxPixels: data.maxPixels, maximumTokens: data.maximumPromptTokens)
  }

  /// - Parameter name: names the row in errors.
  package func encode(_ task: PromptTask, name: String) throws -> VisualPrompt {
    try encode(problem: task.problem, system: task.system, files: task.images, name: name)
  }
}

extension RunSettings {
  package var sampling: SamplingSettings {
    SamplingSettings(
      temperature: rollout.temperature, topP: rollout.topP, topK: rollout.topK,
      maximumTokens: rollout.maximumResponseTokens)
  }
}

extension RunSettings.Model {
  /// The type of the weights while they are used; files and messages keep float32.
  package var tensorType: DType { dtype == "bf16" ? .bfloat16 : .float32 }
}

extension RunSettings {
  var trainer: TrustGRPOTrainerSettings {
    var made = TrustGRPOTrainerSettings()
    made.learningRate = optimizer.learningRate
    made.weightDecay = optimizer.weightDecay
    made.betas = (optimizer.beta1, optimizer.beta2)
    made.epsilon = optimizer.epsilon
    made.maximumGradientNorm = optimizer.maximumGradientNorm
    made.warmupSteps = optimizer.warmupSteps
    made.globalBatchSize = optimizer.globalBatchSize
    made.microBatchGroups = optimizer.microBatchGroups
    made.freezesVisionTower = model.freezeVisionTower
    made.objective = rollout.staleness > 0 ? .decoupled : .coupled
    return made
  }
}
