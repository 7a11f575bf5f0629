import Foundation
import Testing

@testable import VisionLanguage

@Suite("generation_config.json of a model")
struct GenerationConfigurationTests {
  static func read(_ json: String) throws -> [Int32] {
    try GenerationConfiguration(json: Array(json.utf8), named: "generation_config.json", vocabularySize: 100).endTokens
  }

  @Test(
    "names the tokens that end a response: one, several or none",
    arguments: [
      (#"{"eos_token_id": 94}"#, [94]), (#"{"eos_token_id": [94, 90]}"#, [94, 90]), (#"{"eos_token_id": []}"#, []),
      (#"{"eos_token_id": null}"#, []), (#"{"temperature": 1e-6, "do_sample": true}"#, []), (#"{"eos_token_id": 0}"#, [0]),
    ] as [(String, [Int32])])
  func endTokens(json: String, tokens: [Int32]) throws {
    #expect(try Self.read(json) == tokens)
  }

  @Test(
    "that is damaged, or names tokens that are not there, is refused by file and key",
    arguments: [
      ("", "is not JSON"), ("[94]", "is not a JSON object"), (#"{"eos_token_id": "94"}"#, "eos_token_id is not a number"),
      (#"{"eos_token_id": true}"#, "eos_token_id is not a number"), (#"{"eos_token_id": 1.5}"#, "eos_token_id is not a whole number"),
      (#"{"eos_token_id": [1, "2"]}"#, "eos_token_id is not a list of whole numbers"),
      (#"{"eos_token_id": [1, [2]]}"#, "eos_token_id is not a list of whole numbers"),
      (#"{"eos_token_id": 100}"#, "eos_token_id is 100, outside of the vocabulary of 100"),
      (#"{"eos_token_id": [94, -1]}"#, "eos_token_id is -1"), (#"{"eos_token_id": 1e40}"#, "eos_token_id is not a whole number"),
    ])
  func refused(json: String, reason: String) {
    let error = #expect(throws: ModelError.self) { try Self.read(json) }
    #expect(error?.code == "model.configuration")
    #expect(error?.message.hasPrefix("generation_config.json") == true && error?.message.contains(reason) == true)
  }

  @Test("is not needed, and is found in the model's folder")
  func folder() throws {
    let folder = try ModelFixtures.temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(try GenerationConfiguration(folder: folder, vocabularySize: 100) == .none)
    try #"{"eos_token_id": [7]}"#.write(toFile: folder + "/generation_config.json", atomically: true, encoding: .utf8)
    #expect(try GenerationConfiguration(folder: folder, vocabularySize: 100).endTokens == [7])
    let error = #expect(throws: ModelError.self) { try GenerationConfiguration(folder: folder, vocabularySize: 5) }
    #expect(error?.message.contains(folder) == true)
  }
}
