import ActionableErrors
import Foundation
import Testing
import Torch

@testable import VisionLanguage

@Suite("Model folders and weight messages")
struct ModelFolderTests {
  static func tiny(seed: UInt64) throws -> Qwen25VL {
    try Qwen25VL(.tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: seed)
  }

  @Test("a saved folder loads back bit for bit", arguments: [DType.float32, .bfloat16])
  func roundTrip(dtype: DType) throws {
    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Qwen25VL(.tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: 3, dtype: dtype)
    try model.write(to: folder)
    let loaded = try Qwen25VL(folder: folder, dtype: dtype)
    #expect(loaded.configuration == model.configuration)
    #expect(try loaded.parameters.export() == model.parameters.export())
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: folder + "/config.json")))
    let config = try #require(json as? [String: Any])
    #expect(config["torch_dtype"] as? String == dtype.rawValue && config["dtype"] as? String == dtype.rawValue)
    let stored = try SafetensorsFile(folder + "/model.safetensors")
    #expect(stored.names.allSatisfy { stored.dtype(of: $0) == dtype })
  }

  @Test("a head beside a tied embedding is passed over if it is the embedding, and refused if not")
  func tiedHead() throws {
    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Self.tiny(seed: 3)
    try model.write(to: folder)
    let whole = try model.parameters.named.map { (name: $0.name, tensor: try $0.tensor()) }
    let embedding = try #require(whole.first { $0.name == "model.embed_tokens.weight" }).tensor
    let path = folder + "/model.safetensors"
    try SafetensorsWriter.write(whole + [(name: "lm_head.weight", tensor: embedding)], to: path)
    #expect(try Qwen25VL(folder: folder).parameters.export() == model.parameters.export())
    try SafetensorsWriter.write(whole + [(name: "lm_head.weight", tensor: embedding * 2)], to: path)
    let error = #expect(throws: ModelError.self) { try Qwen25VL(folder: folder) }
    #expect(error?.message.contains("lm_head.weight") == true && error?.advice.contains("tie_word_embeddings") == true)
  }

  @Test("the same seed makes the same model, another seed another")
  func seeds() throws {
    let bytes = try Self.tiny(seed: 7).parameters.export()
    #expect(try Self.tiny(seed: 7).parameters.export() == bytes)
    #expect(try Self.tiny(seed: 8).parameters.export() != bytes)
  }

  @Test("a weight message makes one model compute what another does")
  func message() throws {
    let (from, to) = (try Self.tiny(seed: 1), try Self.tiny(seed: 2))
    let prompt = VisualPrompt(tokens: [5, 6, 7])
    func logits(_ model: Qwen25VL) throws -> [Float] {
      try withoutGradient { try model.logits(model.encode([prompt]).lastHidden).floats() }
    }
    #expect(try logits(from) != logits(to))
    let bytes = try from.parameters.export()
    #expect(bytes.count == from.parameters.byteCount && bytes.count == 4 * from.parameters.count)
    try to.parameters.load(bytes)
    #expect(try logits(from) == logits(to))
    #expect(try to.parameters.export() == bytes)
    #expect(throws: ModelError.self) { try to.parameters.load(Array(bytes.dropLast())) }
    #expect(try to.parameters.export() == bytes)
  }

  @Test("a model in bfloat16 travels in two bytes a number, and arrives as it is")
  func halfWidth() throws {
    func made(_ seed: UInt64) throws -> Qwen25VL {
      try Qwen25VL(.tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: seed, dtype: .bfloat16)
    }
    let (from, to) = (try made(1), try made(2))
    let bytes = try from.parameters.export()
    #expect(bytes.count == 2 * from.parameters.count && from.parameters.message.allSatisfy { $0.dtype == .bfloat16 })
    try to.parameters.load(bytes)
    #expect(try to.parameters.named.map { try $0.tensor().floats() } == from.parameters.named.map { try $0.tensor().floats() })
    #expect(throws: ModelError.self) { try Self.tiny(seed: 1).parameters.load(bytes) }
  }

  @Test("parameters stand in the order of their names and are all of the trained numbers")
  func order() throws {
    let parameters = try Self.tiny(seed: 1).parameters
    let names = parameters.named.map(\.name)
    #expect(names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    #expect(Set(names).count == names.count)
    #expect(parameters.trained.reduce(0) { $0 + $1.tensor.count } == parameters.count)
    #expect(names.contains("model.layers.1.self_attn.k_proj.bias") && names.contains("visual.merger.mlp.2.weight"))
  }

  @Test("a folder with a tensor missing, misshapen or left over is refused by the tensor's name")
  func wrongTensors() throws {
    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let model = try Self.tiny(seed: 3)
    try model.write(to: folder)
    let whole = try model.parameters.named.map { ($0.name, try $0.tensor()) }
    let chosen = "model.layers.1.mlp.up_proj.weight"

    func refusal(_ tensors: [(String, Tensor)]) throws -> String {
      try SafetensorsWriter.write(tensors.map { (name: $0.0, tensor: $0.1) }, to: folder + "/model.safetensors")
      do {
        _ = try Qwen25VL(folder: folder)
        return "accepted"
      } catch let error as any ActionableError {
        return error.message
      }
    }
    #expect(try refusal(whole.filter { $0.0 != chosen }).contains(chosen))
    #expect(try refusal(whole.map { ($0.0, $0.0 == chosen ? try $0.1.transposed(0, 1) : $0.1) }).contains(chosen))
    #expect(try refusal(whole + [("model.layers.2.mlp.up_proj.weight", whole[0].1)]).contains("model.layers.2.mlp.up_proj.weight"))
    #expect(try refusal(whole.map { ($0.0, $0.0 == chosen ? try $0.1.cast(to: .int32) : $0.1) }).contains(chosen))
    #expect(try refusal(whole + [("model.language_model.norm.weight", whole[0].1)]).contains("model.norm.weight"))
    // What older versions wrote beside the weights is no reason to refuse them.
    #expect(try refusal(whole + [("model.layers.0.self_attn.rotary_emb.inv_freq", whole[0].1)]) == "accepted")
  }
}
