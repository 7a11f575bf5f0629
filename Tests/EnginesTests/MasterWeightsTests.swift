import Foundation
import Rollout
import Testing
import Torch
import TrustGRPO
import VisionLanguage

@testable import Engines

@Suite("Master weights", .serialized) struct MasterWeightsTests {
  @Test("steps of 1e-6 are lost in bfloat16, and add up in the float32 copies, which are those of float32 training")
  func smallSteps() throws {
    // Exact in bfloat16; the numbers next to 1 are 0.0039 and 0.0078 away.
    let start: [Float] = [1, -1, 0.5, 2]
    func trained(_ dtype: DType, keepsMasters: Bool) throws -> (weights: [Float], master: [Float]?) {
      let weights = try Tensor(start, shape: [4]).cast(to: dtype).detached().setRequiresGradient()
      let optimizer = try AdamW([weights], weightDecay: 0, keepsMasters: keepsMasters)
      for _ in 0..<3000 {
        optimizer.clearGradients()
        try (weights * Tensor([1 as Float, -1, 1, 1]).cast(to: dtype)).sum().backward()
        try optimizer.step(learningRate: 1e-6)
      }
      return (try weights.floats(), try optimizer.masters[0]?.floats())
    }
    #expect(try trained(.bfloat16, keepsMasters: false).weights == start)
    let wide = try trained(.float32, keepsMasters: true)
    let found = try trained(.bfloat16, keepsMasters: true)
    #expect(wide.master == nil && found.master == wide.weights)
    #expect(abs(wide.weights[0] - 0.997) < 1e-4)
    #expect(found.weights == wide.weights.map(rounded) && found.weights[0] == 1 - 0x1p-8)
  }

  /// To the nearest bfloat16, ties to even.
  private func rounded(_ value: Float) -> Float {
    let bits = value.bitPattern
    return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
  }

  private func trainer() throws -> TrustGRPOTrainer {
    let tokens = Qwen25VLConfiguration.SpecialTokens(image: 50, video: 51, visionStart: 52, visionEnd: 53)
    func model(_ seed: UInt64) throws -> Qwen25VL {
      try Qwen25VL(.tiny(vocabularySize: 60, tokens: tokens), seed: seed, dtype: .bfloat16)
    }
    var settings = TrustGRPOTrainerSettings()
    settings.learningRate = 1e-4
    settings.keepsMasterWeights = true
    return try TrustGRPOTrainer(
      policy: model(1), reference: model(2), algorithm: TrustGRPOSettings(klCoefficient: 0.04), settings: settings)
  }

  @Test("each weight is its copy rounded, and a checkpoint with the copies resumes to the same bits")
  func resumes() throws {
    let folder = NSTemporaryDirectory() + "masters-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let (first, second) = (try trainer(), try trainer())
    let groups = try trainingGroups(2, like: first.policy)
    for step in 1...3 { _ = try first.train(groups, step: step) }
    var differing = 0
    for (weights, master) in zip(first.optimizer.parameters, first.optimizer.masters) {
      let (weights, copies) = (try weights.floats(), try #require(master).floats())
      #expect(weights == copies.map(rounded))
      differing += zip(weights, copies).count { $0 != $1 }
    }
    #expect(differing > 10_000)

    let digest = try WeightManifest.of(first.policy.parameters, version: 3).digest
    try TrainingState.write(first.policy, first.optimizer, trained: first.trainedNames, step: 3, policy: digest, to: folder)
    _ = try TrainingState.read(folder, step: 3, into: second.policy, second.optimizer, trained: second.trainedNames)
    for trainer in [first, second] {
      for step in 4...6 { _ = try trainer.train(groups, step: step) }
    }
    #expect(try first.policy.parameters.export() == second.policy.parameters.export())
    for (one, other) in zip(first.optimizer.masters, second.optimizer.masters) {
      #expect(try #require(one).floats() == #require(other).floats())
    }
  }
}
