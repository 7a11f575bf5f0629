internal import Tokenization

extension FuzzTarget {
  static let tokenizers: [FuzzTarget] = [
    FuzzTarget("tokenizer-file", maximumLength: 4096, dictionary: "tokenizer", run: tokenizerFile),
    FuzzTarget("tokenizer-text", maximumLength: 320, dictionary: "tokenizer", run: tokenizerText),
  ]

  @Sendable
  private static func tokenizerFile(_ bytes: [UInt8]) -> Bool {
    guard let tokenizer = try? Tokenizer(json: bytes, named: "fuzzed") else { return false }
    for allowingSpecial in [true, false] {
      let ids = tokenizer.encode(sample, allowingSpecial: allowingSpecial)
      require(ids.allSatisfy { 0 <= $0 && $0 < tokenizer.vocabularySize }, "an id lies outside of the vocabulary: \(ids)")
      let text = try? tokenizer.decode(ids, skippingSpecial: false)
      require(text != nil, "what was encoded cannot be decoded: \(ids)")
    }
    return true
  }

  /// Of every class of characters that the pre-tokenizer tells apart.
  private static let sample = "<|im_start|>user\nIt's 12.5%,  e\u{301}\u{323} \u{1100}\u{1161}\u{11A8} 漢字 🙂\r\n\t<|im_end|>"

  /// A few merges, special tokens, and one text that is kept whole.
  private static let tokenizer: Tokenizer? = {
    var trainer = BytePairTrainer(keeping: ["</answer>"])
    for text in ["the answer is the number of bars in the chart", "let me think about the bars: there are 12 and 15", sample] {
      trainer.add(text)
    }
    return try? trainer.train(vocabularySize: 340).tokenizer()
  }()

  /// The first byte says whether special tokens count.
  @Sendable
  private static func tokenizerText(_ bytes: [UInt8]) -> Bool {
    guard let tokenizer else { return false }
    var input = FuzzInput(bytes)
    let allowingSpecial = input.byte() & 1 == 0
    let text = String(decoding: input.bytes, as: UTF8.self)
    let ids = tokenizer.encode(text, allowingSpecial: allowingSpecial)
    require(ids.count <= 4 * text.utf8.count, "\(ids.count) tokens of \(text.utf8.count) bytes")
    guard let decoded = try? tokenizer.decode(ids, skippingSpecial: false) else {
      require(false, "what was encoded cannot be decoded: \(ids)")
      return false
    }
    // Strings are equal if they are canonically equivalent, which is all that normalising may change.
    require(decoded == text || !isSettled(text), "\(text.debugDescription) comes back as \(decoded.debugDescription)")
    var streaming = StreamingDecoder(tokenizer, skippingSpecial: false)
    var streamed = ""
    for id in ids {
      guard let piece = try? streaming.append(id) else {
        require(false, "id \(id) decodes in a row and not alone")
        return false
      }
      streamed += piece
    }
    streamed += streaming.finish()
    require(Array(streamed.utf8) == Array(decoded.utf8), "\(streamed.debugDescription) was streamed, not \(decoded.debugDescription)")
    return true
  }

  /// Whether Unicode 9, whose tables normalise here, and this program's library agree on every character.
  private static func isSettled(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.value < 0x300 || $0.properties.age.map { $0.major <= 9 } ?? false }
  }
}
