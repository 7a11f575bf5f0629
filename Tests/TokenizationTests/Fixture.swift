import Foundation
import Tokenization

/// What `Fixtures/make_tokenizer_fixtures.py` wrote.
enum Fixture {
  struct Encoding: Decodable {
    let text: String
    let ids: [Int32]
    let decoded: String
    /// With the names of special tokens as text; where absent, the same as `ids`.
    let plain: [Int32]?
    /// Without special tokens; where absent, the same as `decoded`.
    let skipped: String?
  }

  struct Words: Decodable {
    let text: String
    let words: [String]
  }

  struct Decoding: Decodable {
    let ids: [Int32]
    let decoded, skipped: String
  }

  struct Conversation: Decodable {
    let system: String?
    let problem: String
    let images: [Int]
    let text: String
    let ids: [Int32]
  }

  struct Learned: Decodable {
    let corpus: [String]
    let size: Int
    let vocabulary, merges: [String]
    let special: [Int32]
  }

  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)").path
  }

  static func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
  }

  /// Trained by the `tokenizers` library, with added tokens of every flag.
  static func tokenizer() throws -> Tokenizer { try Tokenizer(tokenizerJSON: path("tokenizer.json")) }

  /// `tokenizer.json` as a tree to be spoilt.
  static func tree() throws -> [String: Any] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path("tokenizer.json")))
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
  }
}

/// Strings are equal to Swift where Unicode says so; tests mean the same characters.
func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }
