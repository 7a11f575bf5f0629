/// Texts are compared up to this many words; what is beyond does not count. It bounds the time of an alignment.
package let alignedWordLimit = 4096

/// The word error rate: substitutions, insertions and deletions of the shortest alignment, a word of the reference.
///
/// Words are separated by white space of any kind and compared as they stand.
/// - Returns: 0 or more; against an empty reference, the number of words.
package func wordErrorRate(_ text: String, reference: String) -> Double {
  var numbers = WordNumbers()
  let found = numbers.numbered(spacedWords(text))
  let expected = numbers.numbered(spacedWords(reference))
  guard !expected.isEmpty else { return Double(found.count) }
  return Double(editDistance(found, expected)) / Double(expected.count)
}

private func spacedWords(_ text: String) -> [Substring] {
  text.unicodeScalars.split(maxSplits: alignedWordLimit, whereSeparator: \.properties.isWhitespace)
    .prefix(alignedWordLimit).map { Substring($0) }
}

/// The fewest substitutions, insertions and deletions that turn one sequence into the other.
private func editDistance(_ a: [Int32], _ b: [Int32]) -> Int {
  var row = Array(0...b.count)
  for (index, word) in a.enumerated() {
    var diagonal = row[0]
    row[0] = index + 1
    for column in b.indices {
      let substituted = diagonal + (word == b[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(substituted, diagonal + 1, row[column] + 1)
    }
  }
  return row[b.count]
}

/// Gives each distinct word a number, so that alignments compare numbers.
struct WordNumbers {
  private var numbers: [String: Int32] = [:]

  mutating func numbered<Words: Sequence>(_ words: Words) -> [Int32] where Words.Element: StringProtocol {
    words.map { word in
      let next = Int32(numbers.count)
      let key = String(word)
      if let known = numbers[key] { return known }
      numbers[key] = next
      return next
    }
  }
}
