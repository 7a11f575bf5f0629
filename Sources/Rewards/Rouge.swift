/// The mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L with stemming, in [0, 1].
///
/// Words are runs of the letters a to z and digits after lower-casing; those of more than three characters are stemmed. Up to
/// `alignedWordLimit` words of each text count.
package func meanRouge(_ text: String, reference: String) -> Double {
  let scores = rouge(text, reference: reference)
  return (scores.one + scores.two + scores.longest) / 3
}

/// The three F-measures on their own.
package struct RougeScores: Sendable, Hashable {
  package let one: Double
  package let two: Double
  package let longest: Double
}

package func rouge(_ text: String, reference: String) -> RougeScores {
  var numbers = WordNumbers()
  let found = numbers.numbered(rougeWords(text).prefix(alignedWordLimit))
  let expected = numbers.numbered(rougeWords(reference).prefix(alignedWordLimit))
  let pairs = { (words: [Int32]) in zip(words, words.dropFirst()).map { UInt64($0) << 32 | UInt64($1) } }
  return RougeScores(
    one: overlap(found.map { UInt64($0) }, expected.map { UInt64($0) }),
    two: overlap(pairs(found), pairs(expected)),
    longest: measure(longestCommonSubsequence(found, expected), found.count, expected.count))
}

private func rougeWords(_ text: String) -> [String] {
  var words: [String] = []
  var word: [UInt8] = []
  func finish() {
    guard !word.isEmpty else { return }
    let plain = String(decoding: word, as: UTF8.self)
    words.append(word.count > 3 ? porterStem(plain) : plain)
    word.removeAll(keepingCapacity: true)
  }
  for byte in text.lowercased().utf8 {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): word.append(byte)
    default: finish()
    }
  }
  finish()
  return words
}

/// The harmonic mean of precision and recall for `hits` among `found` and `expected` items.
private func measure(_ hits: Int, _ found: Int, _ expected: Int) -> Double {
  guard hits > 0 else { return 0 }
  let precision = Double(hits) / Double(found)
  let recall = Double(hits) / Double(expected)
  return 2 * precision * recall / (precision + recall)
}

/// F-measure of two bags of n-grams.
private func overlap(_ found: [UInt64], _ expected: [UInt64]) -> Double {
  var left: [UInt64: Int] = [:]
  for gram in expected { left[gram, default: 0] += 1 }
  var hits = 0
  for gram in found {
    guard let count = left[gram], count > 0 else { continue }
    left[gram] = count - 1
    hits += 1
  }
  return measure(hits, found.count, expected.count)
}

private func longestCommonSubsequence(_ a: [Int32], _ b: [Int32]) -> Int {
  var row = [Int](repeating: 0, count: b.count + 1)
  for word in a {
    var diagonal = 0
    for column in b.indices {
      let above = row[column + 1]
      row[column + 1] = word == b[column] ? diagonal + 1 : max(above, row[column])
      diagonal = above
    }
  }
  return row[b.count]
}
