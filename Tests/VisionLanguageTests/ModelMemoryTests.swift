import Foundation
import Testing
import Torch

@testable import VisionLanguage

@Suite("Memory that a model takes")
struct ModelMemoryTests {
  @Test("is known from config.json to the number", arguments: ModelFixtures.models)
  func parameters(folder: String) throws {
    let model = try ModelFixtures.model(folder)
    #expect(model.configuration.parameterCount == model.parameters.count)
    let tower = model.parameters.named.filter { $0.name.hasPrefix("visual.") }
    #expect(model.configuration.visionParameterCount == tower.reduce(0) { $0 + $1.count })
  }

  /// As the published config.json files have them; the counts are those of transformers' models.
  static func published(
    hidden: Int, inner: Int, layers: Int, heads: Int, keyHeads: Int, vocabulary: Int, isTied: Bool
  ) throws -> Qwen25VLConfiguration {
    let json = """
      {"model_type": "qwen2_5_vl", "hidden_size": \(hidden), "intermediate_size": \(inner), "num_hidden_layers": \(layers),
       "num_attention_heads": \(heads), "num_key_value_heads": \(keyHeads), "vocab_size": \(vocabulary),
       "tie_word_embeddings": \(isTied), "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
       "vision_config": {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "out_hidden_size": \(hidden)}}
      """
    return try Qwen25VLConfiguration(json: Array(json.utf8), named: "config.json")
  }

  @Test("of the models with 3 and 7 billion is theirs")
  func large() throws {
    let three = try Self.published(
      hidden: 2048, inner: 11_008, layers: 36, heads: 16, keyHeads: 2, vocabulary: 151_936, isTied: true)
    #expect(three.parameterCount == 3_754_622_976)
    let seven = try Self.published(
      hidden: 3584, inner: 18_944, layers: 28, heads: 28, keyHeads: 4, vocabulary: 152_064, isTied: false)
    #expect(seven.parameterCount == 8_292_166_656)
    #expect(ModelMemory(seven, dtype: .bfloat16).bytes == 2 * 8_292_166_656)
  }

  @Test("that is not there is refused: how much, for what, how much there is, and what to do")
  func refused() throws {
    let three = try Self.published(
      hidden: 2048, inner: 11_008, layers: 36, heads: 16, keyHeads: 2, vocabulary: 151_936, isTied: true)
    var memory = ModelMemory(three, dtype: .float32)
    memory.addReference()
    memory.addTraining()
    let error = #expect(throws: ModelError.self) {
      try memory.require(for: "the model in models/three", on: .cpu, free: 20 << 30)
    }
    #expect(error?.code == "model.memory")
    #expect(
      error?.message == """
        the model in models/three needs 69.9 GiB of memory on cpu and 20.0 GiB are free: 14.0 for weights in float32, \
        14.0 for the reference policy, 14.0 for gradients, 28.0 for AdamW's moments, and what it computes with besides
        """)
    #expect(error?.advice.contains("bf16") == true && error?.advice.contains("klCoefficient") == true)
    try memory.require(for: "the model", on: .cpu, free: 70 << 30)

    let half = ModelMemory(three, dtype: .bfloat16)
    let refusal = #expect(throws: ModelError.self) { try half.require(for: "x", on: .cpu, free: 1 << 30) }
    #expect(refusal?.advice == "use a smaller model or a machine with more memory")
    try half.require(for: "x", on: .cpu, free: half.bytes)
  }

  @Test("for training leaves the gradients of a frozen tower out")
  func frozen() throws {
    let sizes = try Qwen25VLConfiguration(folder: ModelFixtures.folder + "/whole")
    func gradients(_ freezes: Bool) -> Int? {
      var memory = ModelMemory(sizes, dtype: .float32)
      memory.addTraining(freezesVisionTower: freezes)
      return memory.parts.first { $0.name == "gradients" }?.bytes
    }
    #expect(gradients(false) == 4 * sizes.parameterCount)
    #expect(gradients(true) == 4 * (sizes.parameterCount - sizes.visionParameterCount))
  }
}
