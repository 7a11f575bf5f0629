import DurableFiles
import Foundation
import Testing

@testable import Tokenization

@Suite("Tokenizer files that cannot be used")
struct TokenizerFileTests {
  typealias Tree = [String: Any]

  /// One way to spoil a file, and a word the refusal must contain.
  struct Spoiling: Sendable, CustomTestStringConvertible {
    let name: String
    let code: String
    let spoil: @Sendable (inout Tree) -> Void
    var testDescription: String { name }

    init(_ name: String, _ code: String, _ spoil: @escaping @Sendable (inout Tree) -> Void) {
      (self.name, self.code, self.spoil) = (name, "tokenizer." + code, spoil)
    }

    static func model(_ name: String, _ code: String, _ spoil: @escaping @Sendable (inout Tree) -> Void) -> Self {
      Spoiling(name, code) { tree in
        var model = tree["model"] as? Tree ?? [:]
        spoil(&model)
        tree["model"] = model
      }
    }

    static func vocabulary(_ name: String, _ code: String, _ changes: [String: Int]) -> Self {
      model(name, code) { model in
        var vocabulary = model["vocab"] as? Tree ?? [:]
        for (token, id) in changes { vocabulary[token] = id }
        model["vocab"] = vocabulary
      }
    }
  }

  static let spoilings: [Spoiling] = [
    .init("WordPiece", "unsupported") { $0["model"] = ["type": "WordPiece", "vocab": Tree()] as Tree },
    .init("model", "unsupported") { $0["model"] = nil },
    .init("Lowercase", "unsupported") { $0["normalizer"] = ["type": "Lowercase"] },
    .init("Metaspace", "unsupported") { $0["pre_tokenizer"] = ["type": "Metaspace"] },
    .init("null", "unsupported") { $0["pre_tokenizer"] = nil },
    .init(#"\p{N}{1,3}"#, "unsupported") { tree in
      let split: Tree = ["type": "Split", "pattern": ["Regex": #"\p{N}{1,3}"#], "behavior": "Isolated", "invert": false]
      tree["pre_tokenizer"] = ["type": "Sequence", "pretokenizers": [split, ["type": "ByteLevel"]]] as Tree
    },
    .init("Metaspace", "unsupported") { $0["decoder"] = ["type": "Metaspace"] },
    .init("TemplateProcessing", "unsupported") { $0["post_processor"] = ["type": "TemplateProcessing"] },
    .model("dropout", "unsupported") { $0["dropout"] = 0.1 },
    .model("unk_token", "unsupported") { $0["unk_token"] = "<unk>" },
    .model("byte_fallback", "unsupported") { $0["byte_fallback"] = true },
    .model("ignore_merges", "unsupported") { $0["ignore_merges"] = true },
    .model("continuing_subword_prefix", "unsupported") { $0["continuing_subword_prefix"] = "##" },
    .model("merge 0", "inconsistent") { $0["merges"] = [["a", "b", "c"]] },
    .model("merge 1", "inconsistent") { $0["merges"] = ["a b", "a  b"] },
    .model("qqq", "inconsistent") { $0["merges"] = [["qqq", "a"]] },
    .model("q z", "inconsistent") { $0["merges"] = ["q z"] },
    .vocabulary("occurs twice", "inconsistent", ["a": 3, "b": 3]),
    .vocabulary("4000000000", "too-large", ["zzz": 4_000_000_000]),
    .vocabulary("-1", "too-large", ["zzz": -1]),
    .vocabulary("2097152", "too-large", ["zzz": 1 << 21]),
    .vocabulary("bytes", "too-large", [String(repeating: "z", count: 5000): 9999]),
    .model("a whole number", "not-json") { $0["vocab"] = ["a": 1.5] },
    .model("an object", "not-json") { $0["vocab"] = [1, 2] },
    .init("<|endoftext|>", "inconsistent") { $0["added_tokens"] = [Tree]() },
    .init("needs an id", "inconsistent") { $0["added_tokens"] = [["content": "x"]] },
    .init("needs an id", "inconsistent") { $0["added_tokens"] = [["id": 1000, "content": ""] as Tree] },
    .init("taken", "inconsistent") { $0["added_tokens"] = [["id": 3, "content": "<x>"] as Tree] },
    .init("a string", "not-json") { $0["added_tokens"] = [["id": 3, "content": 3] as Tree] },
  ]

  @Test("is refused by name", arguments: spoilings)
  func refused(spoiling: Spoiling) throws {
    var tree = try Fixture.tree()
    spoiling.spoil(&tree)
    let json = Array(try JSONSerialization.data(withJSONObject: tree))
    let error = #expect(throws: TokenizerError.self) { try Tokenizer(json: json, named: "some.json") }
    #expect(error?.code == spoiling.code)
    #expect(error?.message.contains("some.json") == true)
    #expect(error?.message.contains(spoiling.name) == true, "\(error?.message ?? "")")
  }

  @Test("a file cut short anywhere is refused", .timeLimit(.minutes(1)))
  func truncated() throws {
    let whole = try DurableFiles.read(Fixture.path("tokenizer.json"))
    let end = try #require(whole.lastIndex(of: UInt8(ascii: "}")))
    for length in Array(stride(from: 0, to: end, by: 61)) + [end] {
      #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(whole[..<length]), named: "cut") }
    }
  }

  @Test("a file with any byte changed is refused or read, never more", .timeLimit(.minutes(1)))
  func damaged() throws {
    let whole = try DurableFiles.read(Fixture.path("tokenizer.json"))
    for offset in stride(from: 0, to: whole.count, by: 37) {
      for byte in [UInt8(ascii: "\""), UInt8(ascii: "["), UInt8(ascii: "9"), UInt8(ascii: "\\"), 0xFF, 0x00] {
        var bytes = whole
        bytes[offset] = byte
        do throws(TokenizerError) {
          let tokenizer = try Tokenizer(json: bytes, named: "damaged")
          _ = tokenizer.encode("The red bar <|im_end|> naïve 红")
        } catch {
          #expect(!error.advice.isEmpty)
        }
      }
    }
  }

  @Test(
    "what is no JSON is refused",
    arguments: ["", "nonsense", "[]", "{", "{}", "{} x", #"{"model": }"#, #"{"a": "\ud800"}"#, #"{"a": 01, }"#])
  func notJSON(text: String) {
    #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(text.utf8), named: "x") }
  }

  @Test("brackets without end do not exhaust the stack")
  func deep() {
    for bracket in ["[", #"{"a":"#] {
      let text = #"{"normalizer":"# + String(repeating: bracket, count: 500_000)
      #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(text.utf8), named: "deep") }
    }
  }

  @Test("a missing file is named")
  func missing() {
    let error = #expect(throws: FileError.self) { try Tokenizer(tokenizerJSON: "/nowhere/tokenizer.json") }
    #expect(error?.code == "file.missing")
    #expect(error?.message.contains("/nowhere/tokenizer.json") == true)
  }

  @Test("a pair merged twice keeps the later place, as in the library")
  func repeated() {
    var merges = PairMerges(capacity: 3)
    merges.append(1, 2, makes: 7)
    merges.append(2, 3, makes: 8)
    merges.append(1, 2, makes: 7)
    #expect(merges.rank(1, 2) == 2)
    #expect(merges.rank(2, 3) == 1)
    #expect(merges.rank(3, 2) == PairMerges.never)
  }
}
