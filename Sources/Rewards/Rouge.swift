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
  let (plainReference, plainText) = (lettersAndSpaces(reference), lettersAndSpaces(text))
  var stems = StemNumbers(letters: plainReference + plainText)
  let expected = rougeWords(0..<plainReference.count, &stems)
  let distinct = stems.count
  let found = rougeWords(plainReference.count..<plainReference.count + plainText.count, &stems)
  let common = WordAlignment(of: expected, distinct: distinct).longestCommonSubsequence(with: found)
  return RougeScores(
    one: measure(sharedWords(found, expected, distinct: stems.count), found.count, expected.count),
    two: measure(sharedItems(pairs(found), pairs(expected)), found.count - 1, expected.count - 1),
    longest: measure(common, found.count, expected.count))
}

/// Gives words with the same stem the same number; each different word is stemmed once.
private struct StemNumbers {
  private(set) var words: WordNumbers
  private var stems = WordNumbers(letters: [])
  /// For each word the number of its stem.
  private var numbers: [Int32] = []

  init(letters: UTF8Text) {
    words = WordNumbers(letters: letters)
    stems.letters.reserveCapacity(min(letters.count, 1024))
    numbers.reserveCapacity(min(letters.count / 8, 128))
  }

  var count: Int { stems.count }

  mutating func number(_ word: Range<Int>) -> Int32 {
    let number = Int(words.number(word))
    if number < numbers.count { return numbers[number] }
    let stem = stems.letters.count
    stems.letters.append(contentsOf: words.letters[word])
    if word.count > 3 { PorterStemmer.stem(&stems.letters, from: stem) }
    numbers.append(stems.number(stem..<stems.letters.count))
    return numbers[number]
  }
}

private func pairs(_ words: [Int32]) -> [UInt64] {
  guard words.count > 1 else { return [] }
  return (1..<words.count).map { UInt64(words[$0 - 1]) << 32 | UInt64(words[$0]) }
}

private func rougeWords(_ range: Range<Int>, _ stems: inout StemNumbers) -> [Int32] {
  var words: [Int32] = []
  words.reserveCapacity(min(range.count / 4, alignedWordLimit))
  var position = range.lowerBound
  while words.count < alignedWordLimit {
    while position < range.upperBound, stems.words.letters[position] == 0x20 { position += 1 }
    let start = position
    while position < range.upperBound, stems.words.letters[position] != 0x20 { position += 1 }
    if start == position { break }
    words.append(stems.number(start..<position))
  }
  return words
}

/// Lower-case letters a to z and digits, and spaces for everything else.
///
/// Two characters outside of ASCII have lower case in it: K (kelvin) is k, İ is i with a mark.
private func lettersAndSpaces(_ text: UTF8Text) -> UTF8Text {
  UTF8Text(unsafeUninitializedCapacity: text.count) { plain, count in
    var (position, length) = (0, 0)
    while position < text.count {
      let byte = lowerCase(text[position])
      position += 1
      if 0x61...0x7A ~= byte || isDigit(byte) {
        plain[length] = byte
      } else if byte == 0xE2, position + 1 < text.count, text[position] == 0x84, text[position + 1] == 0xAA {
        plain[length] = UInt8(ascii: "k")
        position += 2
      } else if byte == 0xC4, position < text.count, text[position] == 0xB0 {
        plain[length] = UInt8(ascii: "i")  // and a space for the second byte
      } else {
        plain[length] = 0x20
      }
      length += 1
    }
    count = length
  }
}

/// The harmonic mean of precision and recall for `hits` among `found` and `expected` items.
private func measure(_ hits: Int, _ found: Int, _ expected: Int) -> Double {
  guard hits > 0 else { return 0 }
  let precision = Double(hits) / Double(found)
  let recall = Double(hits) / Double(expected)
  return 2 * precision * recall / (precision + recall)
}

/// How many words two texts have in common, each as often as it is in both.
private func sharedWords(_ found: [Int32], _ expected: [Int32], distinct: Int) -> Int {
  var left = [Int32](repeating: 0, count: distinct)
  for word in expected { left[Int(word)] += 1 }
  var shared = 0
  for word in found where left[Int(word)] > 0 {
    left[Int(word)] -= 1
    shared += 1
  }
  return shared
}

private func sharedItems(_ found: [UInt64], _ expected: [UInt64]) -> Int {
  let (a, b) = (found.sorted(), expected.sorted())
  var (i, j, shared) = (0, 0, 0)
  while i < a.count, j < b.count {
    if a[i] == b[j] {
      (i, j, shared) = (i + 1, j + 1, shared + 1)
    } else if a[i] < b[j] {
      i += 1
    } else {
      j += 1
    }
  }
  return shared
}
