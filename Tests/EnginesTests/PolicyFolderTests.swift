import Foundation
import Testing
import Tokenization
import Torch
import VisionLanguage

@testable import Engines

@Suite("A policy's folder")
struct PolicyFolderTests {
  /// A tiny model with its tokenizer and processor.
  static func folder() throws -> String {
    let files = NSTemporaryDirectory() + "policy-" + UUID().uuidString
    try TinyModelFiles(corpus: "red 5 . blue 3 .", kept: [], vocabularySize: 280, pictures: []).write(to: files)
    let start = try ModelStart.tiny(besides: files, seed: 1).load()
    try start.policy.model.write(to: files)
    return files
  }

  @Test("ends responses where the chat template does, and where generation_config.json adds to that")
  func stopTokens() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let usual = try LoadedPolicy(folder: folder)
    let tokenizer = usual.encoder.tokenizer
    #expect(usual.stopTokens == [tokenizer.imEnd, tokenizer.endOfText])
    let path = folder + "/generation_config.json"
    try #"{"eos_token_id": [65, \#(tokenizer.imEnd)]}"#.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(try LoadedPolicy(folder: folder).stopTokens == [tokenizer.imEnd, tokenizer.endOfText, 65])

    try "{".write(toFile: path, atomically: true, encoding: .utf8)
    let error = #expect(throws: ModelError.self) { try LoadedPolicy(folder: folder) }
    #expect(error?.message.contains(path) == true)
    try FileManager.default.removeItem(atPath: path)
    try #"{"eos_token_id": 100000}"#.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(throws: ModelError.self) { try LoadedPolicy(folder: folder) }
  }

  @Test("that does not fit into memory is refused before its weights are read")
  func memory() throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    _ = try LoadedPolicy(folder: folder) { $0.addTraining() }
    // Damaged weights would be complained about, if they were read.
    try "".write(toFile: folder + "/model.safetensors", atomically: true, encoding: .utf8)
    let error = #expect(throws: ModelError.self) { try LoadedPolicy(folder: folder) { $0.addMessages(1 << 32) } }
    #expect(error?.code == "model.memory" && error?.message.contains(folder) == true)
  }
}
