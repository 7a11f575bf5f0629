/// Texts are compared up to this many words; what is beyond does not count. It bounds the time of an alignment, which is the
/// product of both counts over 64, to about a millisecond.
package let alignedWordLimit = 4096

/// The word error rate: substitutions, insertions and deletions of the shortest alignment, a word of the reference.
///
/// Words are separated by white space of any kind and compared byte by byte, as they stand.
/// - Returns: 0 or more; against an empty reference, the number of words.
package func wordErrorRate(_ text: String, reference: String) -> Double {
  wordErrorRate(UTF8Text(text.utf8), reference: UTF8Text(reference.utf8))
}

func wordErrorRate(_ text: UTF8Text, reference: UTF8Text) -> Double {
  var numbers = WordNumbers()
  let expected = spacedWords(reference, &numbers)
  let distinct = numbers.count
  let found = spacedWords(text, &numbers)
  guard !expected.isEmpty else { return Double(found.count) }
  return Double(WordAlignment(of: expected, distinct: distinct).editDistance(to: found)) / Double(expected.count)
}

private func spacedWords(_ text: UTF8Text, _ numbers: inout WordNumbers) -> [Int32] {
  var words: [Int32] = []
  var position = 0
  while position < text.count, words.count < alignedWordLimit {
    let space = whiteSpaceLength(text, at: position)
    if space > 0 {
      position += space
      continue
    }
    let start = numbers.letters.count
    while position < text.count, whiteSpaceLength(text, at: position) == 0 {
      numbers.letters.append(text[position])
      position += 1
    }
    words.append(numbers.number(wordFrom: start))
  }
  return words
}
