import Testing

@testable import Tokenization

@Suite("Encoding and decoding, against the tokenizers library")
struct EncodingTests {
  @Test("a text gives the library's ids", arguments: ["tokenizer.json", "tokenizer_string_merges.json"])
  func ids(file: String) throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Fixture.path(file))
    for row in try Fixture.read("encodings.json", as: [Fixture.Encoding].self) {
      #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)")
      #expect(
        tokenizer.encode(row.text, allowingSpecial: false) == row.plain ?? row.ids, "\(row.text.debugDescription)")
    }
  }

  @Test("ids give the library's text, with and without special tokens")
  func decoded() throws {
    let tokenizer = try Fixture.tokenizer()
    for row in try Fixture.read("encodings.json", as: [Fixture.Encoding].self) {
      #expect(try scalars(tokenizer.decode(row.ids, skippingSpecial: false)) == scalars(row.decoded))
      #expect(try scalars(tokenizer.decode(row.ids, skippingSpecial: true)) == scalars(row.skipped ?? row.decoded))
    }
  }

  @Test("broken characters are replaced as the library replaces them")
  func broken() throws {
    let tokenizer = try Fixture.tokenizer()
    for row in try Fixture.read("decodings.json", as: [Fixture.Decoding].self) {
      #expect(try scalars(tokenizer.decode(row.ids, skippingSpecial: false)) == scalars(row.decoded), "\(row.ids)")
      #expect(try scalars(tokenizer.decode(row.ids, skippingSpecial: true)) == scalars(row.skipped), "\(row.ids)")
    }
  }

  @Test("the scanner cuts a text where Qwen's pattern does")
  func words() throws {
    for row in try Fixture.read("words.json", as: [Fixture.Words].self) {
      var words: [String] = []
      Array(row.text.utf8).withUnsafeBufferPointer { text in
        PreTokenizer.forEachWord(in: text) { words.append(String(decoding: $0, as: UTF8.self)) }
      }
      #expect(words.map(scalars) == row.words.map(scalars), "\(row.text.debugDescription)")
    }
  }

  @Test("any ids decode; an id that stands for nothing is named")
  func unknown() throws {
    let tokenizer = try Fixture.tokenizer()
    for id in [Int32(tokenizer.vocabularySize), -1, .min, .max] {
      #expect(throws: TokenizerError.unknownID(id, vocabularySize: tokenizer.vocabularySize)) {
        try tokenizer.decode([0, id], skippingSpecial: true)
      }
    }
    #expect(try tokenizer.decode([], skippingSpecial: false) == "")
  }

  @Test("bytes that the vocabulary lacks are left out, as the library leaves them out")
  func sparse() throws {
    let tokenizer = try Tokenizer(tokenizerJSON: Fixture.path("sparse_tokenizer.json"))
    for row in try Fixture.read("sparse_encodings.json", as: [Fixture.Encoding].self) {
      #expect(tokenizer.encode(row.text) == row.ids, "\(row.text)")
    }
  }

  @Test("special tokens are found by name")
  func special() throws {
    let tokenizer = try Fixture.tokenizer()
    #expect(tokenizer.id(of: "<|im_end|>") == tokenizer.imEnd)
    #expect(tokenizer.isSpecial(tokenizer.imEnd))
    #expect(tokenizer.id(of: "<tool_call>").map(tokenizer.isSpecial) == false)
    #expect(tokenizer.id(of: "<|nothing|>") == nil)
    #expect(tokenizer.encode("<|image_pad|>") == [tokenizer.imagePad])
  }

  @Test("merging a long word and short ones gives the same tokens, whichever way they are searched")
  func longWords() throws {
    // Two merges of the same characters at different ranks make order matter everywhere.
    var merges = PairMerges(capacity: 6)
    for (left, right, made) in [(2, 3, 5), (0, 1, 4), (1, 2, 6), (4, 5, 7), (0, 0, 8), (3, 0, 9)] as [(Int32, Int32, Int32)] {
      merges.append(left, right, makes: made)
    }
    var state: UInt64 = 1
    for length in 1...90 {
      let word = (0..<length).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int32(state >> 62)
      }
      var ids: [Int32] = []
      var merger = WordMerger()
      merger.merge(word, by: merges, into: &ids)
      #expect(ids == naiveMerge(word, merges))
    }
  }

  /// The definition: look at every pair, join the leftmost of the earliest rank, begin again.
  private func naiveMerge(_ word: [Int32], _ merges: PairMerges) -> [Int32] {
    var tokens = word
    while true {
      let ranks = zip(tokens, tokens.dropFirst()).map { merges.rank($0, $1) }
      guard let best = ranks.min(), best != PairMerges.never, let at = ranks.firstIndex(of: best) else { return tokens }
      tokens.replaceSubrange(at...at + 1, with: [merges.merged[Int(best)]])
    }
  }

  @Test("a text of a million characters without a space takes no more than seconds", .timeLimit(.minutes(1)))
  func endless() throws {
    let tokenizer = try Fixture.tokenizer()
    for text in [String(repeating: "red", count: 300_000), String(repeating: " ", count: 1_000_000)] {
      #expect(try tokenizer.decode(tokenizer.encode(text), skippingSpecial: false) == text)
    }
  }
}
