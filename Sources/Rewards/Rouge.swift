/// The mean of the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L with stemming, in [0, 1].
///
/// Words are runs of the letters a to z and digits after lower-casing; those of more than three characters are stemmed. Up to
/// `alignedWordLimit` words of each text count.
package func meanRouge(_ text: String, reference: String) -> Double { rouge(text, reference: reference).mean }

/// The three F-measures on their own.
package struct RougeScores: Sendable, Hashable {
  package let one: Double
  package let two: Double
  package let longest: Double

  package var mean: Double { (one + two + longest) / 3 }
}

package func rouge(_ text: String, reference: String) -> RougeScores {
  rouge(UTF8Text(text.utf8), reference: UTF8Text(reference.utf8))
}

func rouge(_ text: UTF8Text, reference: UTF8Text) -> RougeScores {
  var numbers = WordNumbers()
  let expected = rougeWords(reference, &numbers)
  let distinct = numbers.count
  let found = rougeWords(text, &numbers)
  let common = WordAlignment(of: expected, distinct: distinct).longestCommonSubsequence(with: found)
  return RougeScores(
    one: overlap(found.map { UInt64($0) }, expected.map { UInt64($0) }), two: overlap(pairs(found), pairs(expected)),
    longest: measure(common, found.count, expected.count))
}

private func pairs(_ words: [Int32]) -> [UInt64] {
  guard words.count > 1 else { return [] }
  return (1..<words.count).map { UInt64(words[$0 - 1]) << 32 | UInt64(words[$0]) }
}

private func rougeWords(_ text: UTF8Text, _ numbers: inout WordNumbers) -> [Int32] {
  var words: [Int32] = []
  var start = numbers.letters.count
  var position = 0
  while words.count < alignedWordLimit {
    // Two characters outside of ASCII have lower case in it: K (kelvin) is k, İ is i with a mark.
    var letter: UInt8?
    var length = 1
    var endsWord = position >= text.count
    if !endsWord {
      let byte = lowerCase(text[position])
      if 0x61...0x7A ~= byte || isDigit(byte) {
        letter = byte
      } else if byte == 0xE2, position + 2 < text.count, text[position + 1] == 0x84, text[position + 2] == 0xAA {
        (letter, length) = (UInt8(ascii: "k"), 3)
      } else if byte == 0xC4, position + 1 < text.count, text[position + 1] == 0xB0 {
        (letter, length, endsWord) = (UInt8(ascii: "i"), 2, true)
      } else {
        endsWord = true
      }
    }
    if let letter { numbers.letters.append(letter) }
    if endsWord, numbers.letters.count > start {
      if numbers.letters.count - start > 3 { PorterStemmer.stem(&numbers.letters, from: start) }
      words.append(numbers.number(wordFrom: start))
      start = numbers.letters.count
    }
    if position >= text.count { break }
    position += length
  }
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
  let (a, b) = (found.sorted(), expected.sorted())
  var (i, j, hits) = (0, 0, 0)
  while i < a.count, j < b.count {
    if a[i] == b[j] {
      (i, j, hits) = (i + 1, j + 1, hits + 1)
    } else if a[i] < b[j] {
      i += 1
    } else {
      j += 1
    }
  }
  return measure(hits, found.count, expected.count)
}
