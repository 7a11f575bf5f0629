internal import DurableFiles
internal import Foundation
internal import Limits

/// generation_config.json of a model folder: which tokens end a response, besides those of the chat template.
///
/// Nothing else of the file is followed: temperature, top-k and the like are the run's settings, never the model's.
package struct GenerationConfiguration: Sendable, Equatable {
  /// `eos_token_id`, one or several, in the order of the file; empty if it has none.
  package let endTokens: [Int32]

  /// What a folder without the file has.
  package static let none = GenerationConfiguration(endTokens: [])

  private init(endTokens: [Int32]) {
    self.endTokens = endTokens
  }

  /// Reads `generation_config.json` of a model folder; `none` if there is no such file.
  ///
  /// - Parameter vocabularySize: the model's; an end token outside of it is refused.
  /// - Throws: `model.configuration`, naming file and key, or `file.*`.
  package init(folder: String, vocabularySize: Int) throws {
    let path = folder + "/generation_config.json"
    guard FileManager.default.fileExists(atPath: path) else {
      self = .none
      return
    }
    try self.init(
      json: DurableFiles.read(path, limit: Limits.standard.models.configuration), named: path,
      vocabularySize: vocabularySize)
  }

  /// - Parameter name: what error messages call the text.
  package init(json: [UInt8], named name: String, vocabularySize: Int) throws(ModelError) {
    let file = try ConfigurationObject(json: json, named: name)
    let key = "eos_token_id"
    let ids = file.isList(key) ? try file.integers(key) ?? [] : try file.integer(key).map { [$0] } ?? []
    if let wrong = ids.first(where: { !(0..<vocabularySize).contains($0) }) {
      throw .configuration(
        "\(key) is \(wrong), outside of the vocabulary of \(vocabularySize)", in: name,
        advice: "use the generation_config.json that belongs to the model, or remove it")
    }
    endTokens = ids.map { Int32($0) }
  }
}
