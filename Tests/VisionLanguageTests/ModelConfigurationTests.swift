import Foundation
import Testing

@testable import VisionLanguage

@Suite("config.json of a model")
struct ModelConfigurationTests {
  static let tokens = Qwen25VLConfiguration.SpecialTokens(
    image: 390, video: 391, visionStart: 392, visionEnd: 393, endOfText: 394)

  @Test("the decoder's keys may stand in text_config or at the top")
  func layouts() throws {
    let nested = try Qwen25VLConfiguration(folder: ModelFixtures.folder + "/tied")
    #expect(nested.hiddenSize == 32 && nested.keyValueHeadCount == 2 && nested.mropeSection == [2, 1, 1])
    #expect(nested.tiesEmbeddings && nested.ropeTheta == 10_000 && nested.tokens.endOfText == 94)
    let flat = try Qwen25VLConfiguration(folder: ModelFixtures.folder + "/untied")
    #expect(flat.hiddenSize == 48 && flat.headCount == 6 && flat.mropeSection == [1, 2, 1])
    #expect(!flat.tiesEmbeddings && flat.vision.fullAttentionBlocks == [0, 2] && flat.vision.patchSize == 2)
  }

  @Test("what is written reads back the same")
  func roundTrip() throws {
    let tiny = try Qwen25VLConfiguration.tiny(vocabularySize: 400, tokens: Self.tokens)
    #expect(try Qwen25VLConfiguration(json: tiny.json(), named: "config.json") == tiny)
    let untied = try Qwen25VLConfiguration(folder: ModelFixtures.folder + "/untied")
    #expect(try Qwen25VLConfiguration(json: untied.json(), named: "config.json") == untied)
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    let path: [String]
    let value: String
    let names: String
    var testDescription: String { path.joined(separator: ".") + " = " + value }
    init(_ path: String, _ value: String, names: String) {
      (self.path, self.value, self.names) = (path.split(separator: ".").map(String.init), value, names)
    }
  }

  @Test(
    "a setting that cannot be is refused by its name",
    arguments: [
      Refusal("model_type", "\"llama\"", names: "llama"),
      Refusal("hidden_size", "\"96\"", names: "hidden_size is not a number"),
      Refusal("hidden_size", "true", names: "hidden_size is not a number"),
      Refusal("hidden_size", "96.5", names: "hidden_size is not a whole number"),
      Refusal("hidden_size", "1e300", names: "hidden_size is not a whole number"),
      Refusal("hidden_size", "null", names: "hidden_size is missing"),
      Refusal("hidden_size", "0", names: "hidden_size is 0"),
      Refusal("hidden_size", "98", names: "hidden_size 98 is no multiple of num_attention_heads 4"),
      Refusal("num_hidden_layers", "-1", names: "num_hidden_layers is -1"),
      Refusal("num_hidden_layers", "1000000", names: "num_hidden_layers is 1000000"),
      Refusal("num_key_value_heads", "3", names: "num_attention_heads 4 is no multiple of num_key_value_heads 3"),
      Refusal("vocab_size", "100000000000", names: "vocab_size"),
      Refusal("vocab_size", "300", names: "image_token_id is 390, outside of the vocabulary of 300"),
      Refusal("hidden_act", "\"gelu\"", names: "hidden_act is gelu"),
      Refusal("use_sliding_window", "true", names: "use_sliding_window"),
      Refusal("rms_norm_eps", "0", names: "rms_norm_eps"),
      Refusal("rope_scaling.mrope_section", "[4, 4, 3]", names: "mrope_section"),
      Refusal("rope_scaling.mrope_section", "[13, -1, 0]", names: "mrope_section"),
      Refusal("rope_scaling.mrope_section", "[\"a\"]", names: "mrope_section is not a list"),
      Refusal("rope_scaling.type", "\"yarn\"", names: "type is yarn"),
      Refusal("rope_scaling", "[]", names: "rope_scaling is not an object"),
      Refusal("vision_config.rope_parameters", "{\"rope_theta\": 5000}", names: "rope_theta is not 10000"),
      Refusal("vision_config.rope_parameters", "{\"rope_type\": \"linear\"}", names: "rope_type is linear"),
      Refusal("vision_config", "null", names: "vision_config is missing"),
      Refusal("vision_config.num_heads", "5", names: "vision_config.num_heads 5"),
      Refusal("vision_config.num_heads", "24", names: "head dimension 2"),
      Refusal("vision_config.window_size", "20", names: "vision_config.window_size 20"),
      Refusal("vision_config.fullatt_block_indexes", "[2]", names: "vision_config.fullatt_block_indexes is [2]"),
      Refusal("vision_config.out_hidden_size", "95", names: "vision_config.out_hidden_size 95"),
    ])
  func refusals(_ refusal: Refusal) throws {
    let tiny = try Qwen25VLConfiguration.tiny(vocabularySize: 400, tokens: Self.tokens)
    var root = try #require(JSONSerialization.jsonObject(with: Data(tiny.json())) as? [String: Any])
    let value = try JSONSerialization.jsonObject(with: Data(refusal.value.utf8), options: .fragmentsAllowed)
    if refusal.path.count == 2 {
      var inner = try #require(root[refusal.path[0]] as? [String: Any])
      inner[refusal.path[1]] = value
      root[refusal.path[0]] = inner
    } else {
      root[refusal.path[0]] = value
    }
    let json = [UInt8](try JSONSerialization.data(withJSONObject: root))
    let error = #expect(throws: ModelError.self) { try Qwen25VLConfiguration(json: json, named: "config.json") }
    #expect(error?.message.contains(refusal.names) == true, "\(error?.message ?? "nothing")")
    #expect(error?.message.hasPrefix("config.json") == true)
  }

  @Test("what is no JSON object is refused", arguments: ["", "{", "[1]", "3", "\u{0}"])
  func noObject(_ text: String) {
    #expect(throws: ModelError.self) { try Qwen25VLConfiguration(json: Array(text.utf8), named: "config.json") }
  }
}
