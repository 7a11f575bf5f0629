internal import Limits

/// Texts are compared up to this many words; what is beyond does not count. It bounds the time of an alignment, which is the
/// product of both counts over 64, to about a millisecond.
package let alignedWordLimit = Limits.standard.texts.alignedWords

/// The word error rate: substitutions, insertions and deletions of the shortest alignment, a word of the reference.
///
/// Words are separated by white space of any kind and compared byte by byte, as they stand.
/// - Returns: 0 or more; against an empty reference, the number of words.
package func wordErrorRate(_ text: String, reference: String) -> Double {
  wordErrorRate(UTF8Text(text.utf8), reference: UTF8Text(reference.utf8))
}

func wordErrorRate(_ text: UTF8Text, reference: UTF8Text) -> Double {
  var numbers = WordNumbers(letters: reference + text)
  let expected = spacedWords(0..<reference.count, &numbers)
  let distinct = numbers.count
  let found = spacedWords(reference.count..<reference.count + text.count, &numbers)
  guard !expected.isEmpty else { return Double(found.count) }
  return Double(WordAlignment(of: expected, distinct: distinct).editDistance(to: found)) / Double(expected.count)
}

private func spacedWords(_ range: Range<Int>, _ numbers: inout WordNumbers) -> [Int32] {
  var words: [Int32] = []
  var position = range.lowerBound
  while position < range.upperBound, words.count < alignedWordLimit {
    let space = whiteSpaceLength(numbers.letters, at: position)
    if space > 0 {
      position += space
      continue
    }
    let start = position
    repeat { position += 1 } while position < range.upperBound && whiteSpaceLength(numbers.letters, at: position) == 0
    words.append(numbers.number(start..<position))
  }
  return words
}
