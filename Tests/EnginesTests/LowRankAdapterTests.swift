import DataSets
import Foundation
import Rollout
import Settings
import Testing
import Tokenization
import Torch
import TrustGRPO

@testable import Engines
@testable import VisionLanguage

@Suite("Training of adapters", .serialized) struct LowRankAdapterTests {
  private let algorithm = TrustGRPOSettings(importanceCap: 1.2, klCoefficient: 0.04)

  private func model(dtype: DType = .float32) throws -> Qwen25VL {
    let tokens = Qwen25VLConfiguration.SpecialTokens(image: 50, video: 51, visionStart: 52, visionEnd: 53)
    return try Qwen25VL(
      .tiny(vocabularySize: 60, tokens: tokens), seed: 1, dtype: dtype, adapters: LowRankSettings(rank: 4))
  }

  private func trainer(_ policy: Qwen25VL) throws -> TrustGRPOTrainer {
    var settings = TrustGRPOTrainerSettings()
    settings.learningRate = 1e-2
    return try TrustGRPOTrainer(policy: policy, reference: nil, algorithm: algorithm, settings: settings)
  }

  private func bytes(_ model: Qwen25VL, adapters: Bool) throws -> [[Float]] {
    try model.parameters.named.filter { $0.isAdapter == adapters }.map { try $0.tensor().floats() }
  }

  @Test("training changes the adapters alone, whatever the dtype of the weights", arguments: [DType.float32, .bfloat16])
  func adaptersAlone(dtype: DType) throws {
    let policy = try model(dtype: dtype)
    let trainer = try trainer(policy)
    let groups = try trainingGroups(2, like: policy)
    let (weights, adapters) = (try bytes(policy, adapters: false), try bytes(policy, adapters: true))
    for step in 1...2 { _ = try trainer.train(groups, step: step) }
    #expect(try bytes(policy, adapters: false) == weights)
    #expect(try zip(bytes(policy, adapters: true), adapters).allSatisfy { $0 != $1 })
    #expect(trainer.trainedNames.allSatisfy { $0.contains("lora_") } && trainer.trainedNames.count == 2 * (4 + 7))
  }

  @Test("the reference policy is the base without the adapters, as a second model would give it")
  func reference() throws {
    let policy = try model()
    let trainer = try trainer(policy)
    let groups = try trainingGroups(3, like: policy)
    #expect(try trainer.train(groups, step: 1).kl < 1e-7)
    // Now policy and reference differ.
    let base = try logProbabilities(groups, of: trainableModel())
    let copy = try model()
    for (from, to) in zip(policy.parameters.named, copy.parameters.named) {
      try withoutGradient { try to.tensor().copyInPlace(from.tensor()) }
    }
    var (one, two) = (TrustGRPOMetrics(), TrustGRPOMetrics())
    try trainer.accumulateGradients(groups, 0..<3, .init(), &one)
    try self.trainer(copy).accumulateGradients(groups, 0..<3, .init(reference: base), &two)
    #expect(one.kl == two.kl && one.loss == two.loss && one.kl / Double(one.tokens) > 1e-4)
    #expect(try gradients(of: policy) == gradients(of: copy))
  }

  @Test("adapters learn: what was better than its group becomes likelier, the rest less likely")
  func learns() throws {
    let policy = try model()
    let trainer = try trainer(policy)
    var groups = try trainingGroups(2, samples: 2, like: policy, spread: 0)
    for index in groups.indices { (groups[index].responses[0].advantage, groups[index].responses[1].advantage) = (1, -1) }
    func means() throws -> [Float] {
      try logProbabilities(groups, of: policy).flatMap { $0.map { $0.reduce(0, +) / Float($0.count) } }
    }
    let before = try means()
    for step in 1...3 { _ = try trainer.train(groups, step: step) }
    let change = try zip(means(), before).map { $0 - $1 }
    #expect(change[0] > 0 && change[1] < 0 && change[2] > 0 && change[3] < 0, "\(change)")
  }

  @Test("a checkpoint holds the adapters and resumes to the same bits")
  func resumes() throws {
    let folder = NSTemporaryDirectory() + "adapters-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let policy = try model()
    let first = try trainer(policy)
    let groups = try trainingGroups(3, like: policy)
    for step in 1...2 { _ = try first.train(groups, step: step) }
    let digest = try WeightManifest.of(policy.parameters, version: 2).digest
    try TrainingState.write(
      policy, first.optimizer, trained: first.trainedNames, step: 2, policy: digest, base: "base", to: folder)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
        "adapter_config.json", "adapter_model.safetensors", "checkpoint.json", "optimizer.safetensors",
      ])
    let second = try trainer(model())
    let read = try TrainingState.read(folder, step: 2, into: second.policy, second.optimizer, trained: second.trainedNames)
    #expect(try read == digest && WeightManifest.of(second.policy.parameters, version: 2).digest == digest)
    for trainer in [first, second] { _ = try trainer.train(groups, step: 3) }
    #expect(try first.policy.parameters.export() == second.policy.parameters.export())
  }

  @Test("learner, workers, checkpoints and the saved policy agree", arguments: ["fp32", "bf16"])
  func run(dtype: String) async throws {
    let folder = NSTemporaryDirectory() + "adapter-run-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let files = TinyModelFiles(corpus: "How many circles are there?\nTwo and two are four.\n", kept: [], vocabularySize: 300, pictures: [])
    try files.write(to: "\(folder)/files")
    let start = try ModelStart.tiny(besides: "\(folder)/files", seed: 5).load()
    try PolicyFolder.write(start.policy.model, besides: "\(folder)/files", to: "\(folder)/base")

    var settings = RunSettings()
    settings.model.folder = "\(folder)/base"
    settings.model.dtype = dtype
    settings.model.lora.rank = 3
    settings.optimizer.learningRate = 1e-2
    settings.rollout.groupSize = 4
    settings.rollout.maximumResponseTokens = 6
    settings.run.evaluateEvery = 1
    let rows = [DataRow(problemID: "1", problem: "How many?", solution: "2")]
    let learner = LearnerEngine(settings: settings, folder: folder, rows: rows, heldOut: rows)
    let manifest = try await learner.loadBase()
    #expect(manifest.entries.count { $0.name.contains("lora_") } == 2 * 2 * 7)
    #expect(
      manifest.entries.allSatisfy { $0.dtype == (dtype == "bf16" && !$0.name.contains("lora_") ? "BF16" : "F32") })
    let worker = PolicyGenerator(threads: 1, atOnce: 1)
    _ = try await worker.prepare(folder: "\(folder)/base", settings: settings.json())
    try await worker.load(manifest, bytes: learner.weights())

    let task = try RowCatalogue(rows: rows, system: nil).task(of: 0)
    let lease = Lease(id: LeaseID(incarnation: 1, number: 1), unit: UnitID(epoch: 0, prompt: 0), attempt: 1, version: 0, step: 1, task: task)
    let group = try await worker.generate(lease)
    let rewards = try GroupRewards.compute(
      outcomes: [1, 0, 0, 1], thinking: [nil, nil, nil, nil], step: 1, settings: settings.algorithm)
    let scored = ScoredGroup(
      lease: lease.id, unit: lease.unit, attempt: 1, version: 0, step: 1, taskDigest: task.digest, responses: group.responses,
      outcomes: [1, 0, 0, 1], thinking: [nil, nil, nil, nil], rewards: rewards, generationSeconds: 0, scoringSeconds: 0)
    let (trained, newer) = try await learner.train(step: 1, groups: [scored])
    // Decoding merges the adapters; what comes after it would show if they stayed merged.
    #expect(trained.evaluation != nil)
    let changed = zip(manifest.entries, newer.entries).filter { $0 != $1 }.map(\.1.name)
    #expect(!changed.isEmpty && changed.allSatisfy { $0.contains("lora_") })
    #expect(trained.metrics.first { $0.name == "ratio.mean" }.map { abs($0.value - 1) < (dtype == "fp32" ? 1e-3 : 0.1) } ?? true)

    try await learner.begin(incarnation: 1, checkpoints: [])
    let (path, digest) = try await learner.checkpoint(step: 1)
    let again = LearnerEngine(settings: settings, folder: folder, rows: rows, heldOut: [])
    #expect(try await again.load(checkpoint: path, step: 1, expecting: digest).digest == newer.digest)

    try await learner.savePolicy(to: "\(folder)/policy")
    let saved = try LoadedPolicy(folder: "\(folder)/policy", dtype: settings.model.tensorType)
    let model = try Qwen25VL(saved.model.configuration, merging: settings.model.lowRank, dtype: settings.model.tensorType)
    try model.parameters.load(await learner.weights())
    #expect(try model.parameters.merged().map { try $0.tensor.floats() } == saved.model.parameters.merged().map { try $0.tensor.floats() })
    if dtype == "fp32" {
      let adapted = try LoadedPolicy(folder: "\(folder)/policy/adapter")
      #expect(try adapted.model.parameters.export() == saved.model.parameters.export())
    }
    // Another base under the same adapters is not this policy.
    let other = try ModelStart.tiny(besides: "\(folder)/files", seed: 6).load()
    try PolicyFolder.write(other.policy.model, besides: "\(folder)/files", to: "\(folder)/base")
    await #expect(throws: CheckpointError.self) {
      try await LearnerEngine(settings: settings, folder: folder, rows: rows, heldOut: [])
        .load(checkpoint: path, step: 1, expecting: digest)
    }
  }

  @Test("settings name the projections that there are")
  func targets() {
    #expect(RunSettings.Model.Lora.allTargets == LowRankSettings.Target.allCases.map(\.rawValue))
    var model = RunSettings.Model()
    #expect(model.lowRank == nil)
    model.lora.rank = 8
    #expect(model.lowRank == LowRankSettings(rank: 8, alpha: 16))
  }

  @Test("a model that is an adapter is nothing to train adapters on")
  func adapterAsBase() async throws {
    let folder = NSTemporaryDirectory() + "adapter-base-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: "\(folder)/adapter", withIntermediateDirectories: true)
    let policy = try model()
    try policy.write(to: folder)
    try policy.writeAdapters(base: folder, to: "\(folder)/adapter")
    var settings = RunSettings()
    settings.model.folder = "\(folder)/adapter"
    let engine = LearnerEngine(settings: settings, folder: folder, rows: [], heldOut: [])
    await #expect(throws: ModelError.self) { try await engine.loadBase() }
  }
}
