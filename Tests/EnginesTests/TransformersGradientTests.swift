import Foundation
import Testing
import Torch
import TrustGRPO

@testable import Engines
@testable import VisionLanguage

/// A step of equation 7 that transformers' model and plain torch took, as Fixtures/make_gradients.py wrote it down.
@Suite("A Trust-GRPO step, against transformers' model with torch's gradients and optimiser")
struct TransformersGradientTests {
  struct File: Decodable {
    let settings: Settings
    let models: [String: Step]
  }

  struct Settings: Decodable {
    let clip_low, clip_high, beta, learning_rate, weight_decay, maximum_norm: Double
  }

  struct Step: Decodable {
    let groups: [Group]
    let loss, kl, clip_fraction, norm: Double
    /// By published name.
    let gradients: [String: Gradient]
    let probe: Probe
  }

  struct Group: Decodable {
    let tokens: [Int32]
    /// Rows and columns of merged tokens.
    let grids: [[Int]]
    let responses: [Response]
  }

  struct Response: Decodable {
    let tokens: [Int32]
    let behaviour, reference: [Float]
    let advantage: Float
  }

  struct Gradient: Decodable {
    let norm: Double
    /// At places i * 7919, cyclically.
    let sample: [Float]
  }

  struct Probe: Decodable {
    let tokens: [Int32]
    let grids: [[Int]]
    let before, after: [Float]
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent()

  static func file() throws -> File {
    try JSONDecoder().decode(File.self, from: Data(contentsOf: folder.appending(path: "Fixtures/gradients.json")))
  }

  static func trainer(_ name: String, _ settings: Settings) throws -> TrustGRPOTrainer {
    let path = folder.deletingLastPathComponent().appending(path: "VisionLanguageTests/Fixtures/\(name)").path
    var made = TrustGRPOTrainerSettings()
    made.learningRate = settings.learning_rate
    made.weightDecay = settings.weight_decay
    made.maximumGradientNorm = settings.maximum_norm
    return try TrustGRPOTrainer(
      policy: Qwen25VL(folder: path), reference: Qwen25VL(folder: path),
      algorithm: TrustGRPOSettings(
        clipLow: settings.clip_low, clipHigh: settings.clip_high, klCoefficient: settings.beta), settings: made)
  }

  static func prompt(_ tokens: [Int32], _ grids: [[Int]], _ sizes: Qwen25VLConfiguration) -> VisualPrompt {
    let merge = sizes.vision.spatialMergeSize
    return VisualPrompt(
      tokens: tokens,
      images: grids.enumerated().map { number, grid in
        let (height, width) = (grid[0] * merge, grid[1] * merge)
        let values = (0..<height * width * sizes.vision.patchElements).map { Float(sin(0.37 * Double($0) + Double(number))) }
        return ImagePatches(values: values, gridHeight: height, gridWidth: width, mergeSize: merge)
      })
  }

  static func groups(_ step: Step, _ sizes: Qwen25VLConfiguration) -> [TrainingGroup] {
    step.groups.map { group in
      TrainingGroup(
        prompt: prompt(group.tokens, group.grids, sizes),
        responses: group.responses.map {
          .init(tokens: $0.tokens, behaviourLogProbabilities: $0.behaviour, advantage: $0.advantage)
        })
    }
  }

  @Test("loss, divergence and gradients of tower and decoder agree to 1e-3", arguments: ["tied", "whole"], [1, 16])
  func gradients(name: String, microBatchGroups: Int) throws {
    let file = try Self.file()
    let step = try #require(file.models[name])
    let trainer = try Self.trainer(name, file.settings)
    trainer.settings.microBatchGroups = microBatchGroups
    let reference = step.groups.map { $0.responses.map(\.reference) }
    var metrics = TrustGRPOMetrics()
    try trainer.accumulateGradients(
      Self.groups(step, trainer.policy.configuration), 0..<step.groups.count, .init(reference: reference), &metrics)
    let tokens = Double(metrics.tokens)
    #expect(abs(metrics.loss / tokens - step.loss) < 1e-5)
    #expect(abs(metrics.kl / tokens - step.kl) < 1e-5)
    #expect(abs(metrics.clipFraction / tokens - step.clip_fraction) < 1e-9 && step.clip_fraction > 0)

    var compared = 0
    for trained in trainer.policy.parameters.trained {
      let gradient = try #require(trained.tensor.gradient, "\(trained.name) has no gradient")
      // The parts of a joined matrix, one below the other, in the order of its name.
      var first = 0
      for name in trained.name.split(separator: "+").map(String.init) {
        let expected = try #require(step.gradients[name], "\(name) is not transformers'")
        let rows = try #require(trainer.policy.parameters.named.first { $0.name == name }).shape[0]
        let found = try gradient.narrowed(0, start: first, length: rows).contiguous().floats()
        first += rows
        let norm = found.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        #expect(abs(norm - expected.norm) <= 1e-3 * expected.norm, "\(name): norm \(norm), not \(expected.norm)")
        // A number is compared at the scale of its tensor.
        let scale = max(Float(expected.norm / Double(found.count).squareRoot()), expected.sample.map(abs).max() ?? 0)
        for (place, wanted) in expected.sample.enumerated() {
          let value = found[place * 7919 % found.count]
          #expect(abs(value - wanted) <= 1e-3 * scale, "\(name), \(place): \(value), not \(wanted)")
        }
        compared += 1
      }
    }
    #expect(compared == step.gradients.count)
    #expect(step.gradients.keys.contains { $0.hasPrefix("visual.blocks.") })
  }

  @Test("after a step of AdamW the logits of another prompt agree to 1e-4", arguments: ["tied", "whole"])
  func step(name: String) throws {
    let file = try Self.file()
    let step = try #require(file.models[name])
    let trainer = try Self.trainer(name, file.settings)
    let probe = Self.prompt(step.probe.tokens, step.probe.grids, trainer.policy.configuration)
    func logits() throws -> [Float] {
      try withoutGradient { try trainer.policy.logits(trainer.policy.encode([probe]).lastHidden).floats() }
    }
    func difference(_ a: [Float], _ b: [Float]) -> Float { zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } }
    #expect(try difference(logits(), step.probe.before) < 1e-4)
    let metrics = try trainer.train(
      Self.groups(step, trainer.policy.configuration), step: 1,
      referenceLogProbabilities: step.groups.map { $0.responses.map(\.reference) })
    #expect(abs(metrics.gradientNorm - step.norm) < 1e-3 * step.norm && step.norm > file.settings.maximum_norm)
    let after = try logits()
    #expect(difference(after, step.probe.after) < 1e-4)
    // The step is large enough for that to mean something.
    #expect(difference(after, step.probe.before) > 0.05)
  }
}
