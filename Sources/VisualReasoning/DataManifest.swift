internal import DurableFiles
internal import Foundation

/// What a folder of the built-in data set was made from, and what it holds: `manifest.json`.
package struct DataManifest: Sendable, Equatable, Codable {
  /// Raised when the same settings give other files.
  package static let currentVersion = 1
  package static let fileName = "manifest.json"

  package struct File: Sendable, Equatable, Codable {
    /// Relative to the folder.
    package let name: String
    /// Rows, or pictures.
    package let count: Int
    /// Of the file; for the folder of pictures, of all of them one after the other in order of name.
    package let sha256: String
  }

  package let version: Int
  package let recipe: DataRecipe
  package let files: [File]

  /// - Throws: `FileError` if there is none, `VisualReasoningError` if it cannot be understood.
  package static func read(folder: String) throws -> DataManifest {
    let path = "\(folder)/\(fileName)"
    let bytes = try DurableFiles.read(path, limit: 1 << 20)
    let manifest: DataManifest
    do {
      manifest = try JSONDecoder().decode(DataManifest.self, from: Data(bytes))
    } catch {
      throw VisualReasoningError.badManifest(path: path, reason: "it does not parse")
    }
    guard manifest.version == currentVersion else {
      throw VisualReasoningError.badManifest(
        path: path, reason: "it has version \(manifest.version), and this program writes \(currentVersion)")
    }
    return manifest
  }

  func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + Array("\n".utf8)
  }
}

/// Everything that the built-in data set depends on. The same recipe gives the same bytes on every machine.
package struct DataRecipe: Sendable, Equatable, Codable {
  package var seed: UInt64
  /// Problems to train on by reinforcement, each with a picture of its own.
  package var trainRows: Int
  /// Problems to evaluate on, each with a picture of its own; none of their scenes occurs in training.
  package var heldOutRows: Int
  /// Responses to learn from by supervision, about the pictures of the train rows.
  package var supervisedRows: Int
  /// Traces with scores for a thinking-reward model, about the pictures of the train rows.
  package var judgedRows: Int
  /// The same about the pictures of the held-out rows.
  package var judgedHeldOutRows: Int
  package var mixture: DataMixture
  package var renderer: SceneRenderer

  package init(
    seed: UInt64, trainRows: Int = 4000, heldOutRows: Int = 500, supervisedRows: Int = 24_000, judgedRows: Int = 12_000,
    judgedHeldOutRows: Int = 500, mixture: DataMixture = .standard, renderer: SceneRenderer = SceneRenderer()
  ) {
    self.seed = seed
    self.trainRows = trainRows
    self.heldOutRows = heldOutRows
    self.supervisedRows = supervisedRows
    self.judgedRows = judgedRows
    self.judgedHeldOutRows = judgedHeldOutRows
    self.mixture = mixture
    self.renderer = renderer
  }
}
