/// Learns a small byte-pair vocabulary from a corpus, the same one every time.
///
/// At each step the pair of neighbouring tokens that occurs most often becomes a token; of equally frequent pairs, the
/// one with the smallest left id, then right id. These are the choices of `BpeTrainer` in the `tokenizers` library,
/// which learns the same merges from the same text.
///
/// Counts afresh at each step, so it is meant for hundreds of merges over thousands of different words, not for more.
package struct BytePairTrainer: Sendable {
  /// [word]: its bytes; each word once, in the order of first occurrence.
  private var words: [[UInt8]] = []
  private var counts: [Int] = []
  private var indices: [[UInt8]: Int] = [:]

  private let kept: [String]

  /// - Parameter kept: texts that are to be one token each wherever they occur, whatever the pre-tokenizer makes of them.
  package init(keeping kept: [String] = []) {
    self.kept = kept
  }

  /// Counts the words of a text. Names of special tokens in it are text like any other.
  package mutating func add(_ text: String) {
    // What is kept whole has no pairs to count: it only parts the text around it.
    var parts = [text[...]]
    for whole in kept where !whole.isEmpty { parts = parts.flatMap { $0.split(separator: whole) } }
    for part in parts { count(part) }
  }

  private mutating func count(_ text: Substring) {
    let bytes = Array(text.utf8)
    let normal = bytes.withUnsafeBufferPointer { CanonicalComposition.composed($0) } ?? bytes
    normal.withUnsafeBufferPointer { text in
      PreTokenizer.forEachWord(in: text) { word in
        let word = Array(word)
        if let index = indices[word] {
          counts[index] += 1
        } else {
          indices[word] = words.count
          words.append(word)
          counts.append(1)
        }
      }
    }
  }

  /// - Parameter vocabularySize: tokens wanted in all: 256 bytes, Qwen's special tokens, and merges for the rest. There
  ///   are fewer if the corpus has no more pairs to offer.
  /// - Throws: `TokenizerError` if that is less than bytes and special tokens take, or more than a vocabulary may have.
  package func train(vocabularySize: Int) throws -> LearnedVocabulary {
    let added = QwenToken.allCases.count + kept.count
    let fixed = 256 + added
    guard vocabularySize >= fixed, vocabularySize <= TokenizerFile.tokenLimit else {
      throw TokenizerError(
        "vocabulary-size", "a vocabulary of \(vocabularySize) tokens, not of \(fixed) to \(TokenizerFile.tokenLimit)",
        advice: "ask for at least \(fixed): the 256 bytes and \(added) tokens that are given come first")
    }
    var vocabulary = LearnedVocabulary(keeping: kept)
    var tokens = words.map { $0.map { vocabulary.idOfByte[Int($0)] } }
    while vocabulary.tokens.count < vocabularySize - added, let pair = mostFrequentPair(in: tokens) {
      let joined = vocabulary.merge(pair.left, pair.right)
      for index in tokens.indices { Self.join(pair, as: joined, in: &tokens[index]) }
    }
    return vocabulary
  }

  private struct Pair: Hashable {
    var left, right: Int32
  }

  private func mostFrequentPair(in tokens: [[Int32]]) -> Pair? {
    var frequencies: [Pair: Int] = [:]
    for (word, count) in zip(tokens, counts) {
      for (left, right) in zip(word, word.dropFirst()) {
        frequencies[Pair(left: left, right: right), default: 0] += count
      }
    }
    return frequencies.max { one, other in
      (one.value, other.key.left, other.key.right) < (other.value, one.key.left, one.key.right)
    }?.key
  }

  private static func join(_ pair: Pair, as joined: Int32, in word: inout [Int32]) {
    guard word.count > 1 else { return }
    var kept = 0
    var index = 0
    while index < word.count {
      if index + 1 < word.count, word[index] == pair.left, word[index + 1] == pair.right {
        word[kept] = joined
        index += 2
      } else {
        word[kept] = word[index]
        index += 1
      }
      kept += 1
    }
    word.removeLast(word.count - kept)
  }
}
