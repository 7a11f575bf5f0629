package import Rollout
package import Settings
internal import Threads
package import Torch
package import VisionLanguage

/// A worker's engine: the policy on a thread of its own. The groups that are asked for while others are generated join them.
package actor PolicyGenerator: GroupGenerator {
  private let executor = ThreadExecutor(name: "generate")
  private let threads: Int
  /// Groups that may be asked for at once.
  private let atOnce: Int
  /// A folder that may have the weights of the run's model.
  private let localModel: String?
  private var loaded: (engine: GenerationEngine, encoder: PromptEncoder, settings: RunSettings)?
  private var batch: ContinuousBatch?
  /// Who waits for the end of a request of the batch.
  private var waiting: [Int: CheckedContinuation<ContinuousBatch.Ended, any Error>] = [:]
  private var isDriving = false

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - threads: for tensors; the bits of a group depend on it, so every worker of a run has the same.
  ///   - atOnce: groups that may be asked for at once.
  ///   - localModel: a folder that may have the weights of the run's model.
  package init(threads: Int, atOnce: Int, localModel: String? = nil) {
    self.localModel = localModel
    self.threads = threads
    self.atOnce = atOnce
  }

  package func prepare(folder: String, settings json: String) throws -> Duration {
    let settings = try RunSettings(json: json)
    try TorchRuntime.setThreads(threads)
    let configuration = try Qwen25VLConfiguration(folder: folder)
    let encoder = try PromptEncoder(folder: folder, data: settings.data)
    try encoder.check(fits: configuration, folder: folder)
    let (dtype, device) = (settings.model.tensorType, try Device(settings.model.device))
    var memory = ModelMemory(configuration, dtype: dtype)
    if device == .cpu { memory.addMessages(1) }
    let prompts = [Int](repeating: settings.data.maximumPromptTokens, count: atOnce)
    memory.addCache(
      pages: try Decoding.pageCount(
        configuration, dtype, prompts: prompts, rows: min(GenerationEngine.width, atOnce * settings.rollout.groupSize),
        tokens: settings.rollout.maximumResponseTokens, limit: settings.rollout.cacheBytes))
    try memory.require(for: "the run's model", on: device)
    // The weights arrive with the first version.
    let model = try Qwen25VL(
      configuration, merging: settings.model.lowRank, dtype: dtype, device: device)
    let engine = try GenerationEngine(
      LoadedPolicy(
        model: model, encoder: encoder,
        generation: GenerationConfiguration(folder: folder, vocabularySize: configuration.vocabularySize)),
      cacheLimit: settings.rollout.cacheBytes)
    batch = try engine.batch(
      settings.sampling, prompts: prompts, samples: [Int](repeating: settings.rollout.groupSize, count: atOnce))
    loaded = (engine, encoder, settings)
    return settings.usualScoring
  }

  package func localWeights() throws -> LocalWeights? {
    guard let localModel else { return nil }
    let settings = try ready().settings
    // With the adapters that the learner begins with: they depend on the seed alone.
    let model = try Qwen25VL(
      folder: localModel, dtype: settings.model.tensorType, adapters: settings.model.lowRank, seed: settings.run.seed)
    let bytes = try model.parameters.export()
    return LocalWeights(manifest: .of(model.parameters, bytes, version: 0), bytes: bytes)
  }

  package func load(_ manifest: WeightManifest, bytes: [UInt8]) throws {
    try ready().engine.replaceWeights(bytes)
  }

  package func generate(_ lease: Lease) async throws -> ResponseGroup {
    let (engine, encoder, settings) = try ready()
    let prompt = try encoder.encode(lease.task, name: "row \(lease.unit.prompt)")
    let draws = (0..<settings.rollout.groupSize).map { sample in
      CounterRandom(
        seed: settings.run.seed, epoch: lease.unit.epoch, prompt: lease.unit.prompt, sample: UInt32(sample))
    }
    let request = ContinuousBatch.Request(prompt: prompt, samples: settings.rollout.groupSize) { sample, position in
      draws[sample].uniform(at: UInt32(position))
    }
    let end = try await withCheckedThrowingContinuation {
      (continuation: CheckedContinuation<ContinuousBatch.Ended, any Error>) in
      guard let number = batch?.add(request) else { return continuation.resume(throwing: Self.notReady) }
      waiting[number] = continuation
      guard !isDriving else { return }
      isDriving = true
      Task { await drive() }
    }
    return ResponseGroup(lease: lease, responses: try engine.answers(to: end), seconds: end.seconds)
  }

  /// Takes step after step while anybody waits. Between two steps others come to their turn, with new requests.
  private func drive() async {
    while batch?.isEmpty == false {
      do {
        for end in try batch?.step() ?? [] { waiting.removeValue(forKey: end.number)?.resume(returning: end) }
      } catch {
        batch?.removeAll()
        for number in waiting.keys.sorted() { waiting.removeValue(forKey: number)?.resume(throwing: error) }
      }
      await Task.yield()
    }
    isDriving = false
  }

  private static let notReady = PromptError(
    code: "engine.not-ready", message: "the policy has not been built yet", advice: "report this with the worker's log")

  private func ready() throws -> (engine: GenerationEngine, encoder: PromptEncoder, settings: RunSettings) {
    guard let loaded else { throw Self.notReady }
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
  /// The type of the weights, in memory, in messages and in the folders that are written.
  package var tensorType: DType { dtype == "bf16" ? .bfloat16 : .float32 }

  /// The adapters that are trained in place of the weights; nil if the weights are.
  package var lowRank: LowRankSettings? {
    guard lora.rank > 0 else { return nil }
    return LowRankSettings(
      rank: lora.rank, alpha: lora.alpha, targets: Set(lora.targets.compactMap(LowRankSettings.Target.init)))
  }
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
    made.microBatchTokens = optimizer.microBatchTokens
    made.keepsMasterWeights = optimizer.masterWeights
    made.freezesVisionTower = model.freezeVisionTower
    made.objective = rollout.staleness > 0 ? .decoupled : .coupled
    return made
  }
}
