package import DataSets
package import DurableFiles
package import Rollout
package import Settings
internal import Threads
internal import Tokenization
internal import Torch
internal import VisionLanguage

/// The learner's engine: policy, frozen reference policy and optimiser on a thread of their own. Where adapters are trained,
/// one model is both policies.
package actor LearnerEngine: PolicyTrainer {
  private let executor = ThreadExecutor(name: "train")
  private let settings: RunSettings
  private let folder: String
  private let catalogue: RowCatalogue
  private let heldOut: [DataRow]
  private var loaded: Loaded?
  /// Of the learner that checkpoints are written by.
  private var incarnation: UInt32 = 0

  private struct Loaded {
    let policy: LoadedPolicy
    let trainer: TrustGRPOTrainer
    var version: UInt64
    /// The weights as they are sent.
    var bytes: [UInt8]
    var manifest: WeightManifest
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter folder: the run's; checkpoints are kept below it.
  package init(settings: RunSettings, folder: String, rows: [DataRow], heldOut: [DataRow]) {
    self.settings = settings
    self.folder = folder
    self.heldOut = settings.run.evaluateRows > 0 ? Array(heldOut.prefix(settings.run.evaluateRows)) : heldOut
    catalogue = RowCatalogue(rows: rows, system: settings.data.systemPrompt)
  }

  // MARK: Loading

  /// The policy that the run starts from, as version 0.
  package func loadBase() throws -> WeightManifest {
    try TorchRuntime.setThreads(settings.cluster.learnerThreads)
    let made = try build()
    return try adopt(made.policy, made.trainer, version: 0)
  }

  /// The policy and optimiser of a checkpoint.
  ///
  /// - Parameters:
  ///   - path: relative to the run folder.
  ///   - expecting: the policy hash that the journal has for it.
  /// - Throws: `CheckpointError` if anything of it is not as it was written; nothing is taken over then.
  package func load(checkpoint path: String, step: UInt32, expecting: SHA256Digest) throws -> WeightManifest {
    try TorchRuntime.setThreads(settings.cluster.learnerThreads)
    let place = "\(folder)/\(path)"
    let made = try build()
    _ = try TrainingState.read(
      place, step: UInt64(step), into: made.policy.model, made.trainer.optimizer, trained: made.trainer.trainedNames)
    let manifest = try adopt(made.policy, made.trainer, version: UInt64(step))
    guard manifest.digest == expecting else {
      loaded = nil
      let base = settings.model.lowRank == nil ? "" : ", with the model in \(settings.model.folder) under its adapters"
      throw CheckpointError(place, "its weights are not those that the journal has for step \(step)\(base)")
    }
    return manifest
  }

  private func build() throws -> (policy: LoadedPolicy, trainer: TrustGRPOTrainer) {
    let device = try Device(settings.model.device)
    guard try AdapterFolder(ifIn: settings.model.folder) == nil else {
      throw ModelError(
        code: "model.adapter", message: "\(settings.model.folder) holds an adapter, and workers need a whole model",
        advice: "name the folder of a merged model as model.folder")
    }
    let adapters = settings.model.lowRank
    func load(use: (inout ModelMemory) -> Void = { _ in }) throws -> LoadedPolicy {
      try LoadedPolicy(
        folder: settings.model.folder, dtype: settings.model.tensorType, device: device,
        minPixels: settings.data.minPixels, maxPixels: settings.data.maxPixels,
        maximumPromptTokens: settings.data.maximumPromptTokens, adapters: adapters, seed: settings.run.seed, use: use)
    }
    let needsReference = settings.algorithm.klCoefficient > 0 && adapters == nil
    let policy = try load { memory in
      if needsReference { memory.addReference() }
      memory.addTraining(
        freezesVisionTower: settings.model.freezeVisionTower, keepsMasters: settings.optimizer.masterWeights,
        adapters: adapters)
      // The version that peers fetch, and the next one while it is made.
      if device == .cpu { memory.addMessages(2) }
    }
    policy.model.recomputesLayers = settings.model.gradientCheckpointing
    let reference = needsReference ? try load().model : nil
    let trainer = try TrustGRPOTrainer(
      policy: policy.model, reference: reference, algorithm: settings.algorithm, settings: settings.trainer)
    return (policy, trainer)
  }

  private func adopt(_ policy: LoadedPolicy, _ trainer: TrustGRPOTrainer, version: UInt64) throws -> WeightManifest {
    let bytes = try policy.model.parameters.export()
    let manifest = WeightManifest.of(policy.model.parameters, bytes, version: version)
    loaded = Loaded(policy: policy, trainer: trainer, version: version, bytes: bytes, manifest: manifest)
    return manifest
  }

  // MARK: Training

  package func train(step: UInt32, groups: [ScoredGroup]) throws -> (TrainedStep, WeightManifest) {
    var loaded = try ready()
    let started = ContinuousClock.now
    let batch = try groups.map { group in
      let prompt = try loaded.policy.encoder.encode(
        catalogue.task(of: group.unit.prompt), name: "row \(group.unit.prompt)")
      return TrainingGroup(
        prompt: prompt,
        responses: zip(group.responses, group.rewards.advantages).map { response, advantage in
          TrainingGroup.Response(
            tokens: response.tokens, behaviourLogProbabilities: response.logProbabilities, advantage: Float(advantage))
        })
    }
    // A step whose units are all dead-lettered changes nothing.
    let update = batch.isEmpty ? [] : try loaded.trainer.train(batch, step: Int(step)).named
    let trained = ContinuousClock.now
    loaded.version = UInt64(step)
    loaded.bytes = try loaded.policy.model.parameters.export()
    loaded.manifest = WeightManifest.of(loaded.policy.model.parameters, loaded.bytes, version: UInt64(step))
    self.loaded = loaded
    let exported = ContinuousClock.now

    let isLast = Int(step) == settings.run.steps
    let isDue = settings.run.evaluateEvery > 0 && Int(step) % settings.run.evaluateEvery == 0 && !isLast
    let evaluation = isDue && !heldOut.isEmpty ? try evaluate(loaded.policy).score : nil
    let metrics =
      StepMetrics.of(groups) + update + [
        Metric("seconds.update", (trained - started).inSeconds), Metric("seconds.export", (exported - trained).inSeconds),
        Metric("seconds.evaluation", (ContinuousClock.now - exported).inSeconds),
      ]
    return (
      TrainedStep(
        step: step, units: groups.map(\.unit), metrics: metrics, policy: loaded.manifest.digest, evaluation: evaluation),
      loaded.manifest
    )
  }

  package func weights() throws -> [UInt8] { try ready().bytes }

  package var vocabularySize: Int {
    get throws { try ready().policy.model.configuration.vocabularySize }
  }

  private func evaluate(_ policy: LoadedPolicy) throws -> GreedyEvaluation {
    try policy.model.parameters.withMergedAdapters {
      try GreedyEvaluation.run(
        GenerationEngine(policy, cacheLimit: settings.rollout.cacheBytes), policy.encoder, rows: heldOut,
        system: settings.data.systemPrompt, maximumTokens: settings.rollout.maximumResponseTokens)
    }
  }

  // MARK: Keeping

  /// Checkpoints are written as this incarnation of the learner from here on; what earlier ones left half done is removed.
  ///
  /// - Parameter checkpoints: paths that the journal names.
  package func begin(incarnation: UInt32, checkpoints: [String]) throws {
    self.incarnation = incarnation
    try Checkpoints.sweep(folder, keeping: checkpoints, before: incarnation)
  }

  package func checkpoint(step: UInt32) throws -> (path: String, policy: SHA256Digest) {
    let loaded = try ready()
    let path = Checkpoints.path(of: step, incarnation: incarnation)
    try DurableFiles.createFolder("\(folder)/\(Checkpoints.folder)")
    try TrainingState.write(
      loaded.policy.model, loaded.trainer.optimizer, trained: loaded.trainer.trainedNames, step: UInt64(step),
      policy: loaded.manifest.digest, base: settings.model.folder, to: "\(folder)/\(path)")
    return (path, loaded.manifest.digest)
  }

  package func removeCheckpoints(_ paths: [String]) throws {
    for path in paths { try DurableFiles.remove("\(folder)/\(path)") }
  }

  /// Writes the policy as a Hugging Face folder.
  package func savePolicy(to path: String) throws {
    let loaded = try ready()
    try PolicyFolder.write(loaded.policy.model, besides: settings.model.folder, to: path)
  }

  private func ready() throws -> Loaded {
    guard let loaded else {
      throw PromptError(
        code: "engine.not-ready", message: "the policy has not been loaded yet", advice: "report this with the learner's log")
    }
    return loaded
  }
}
