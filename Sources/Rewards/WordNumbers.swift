/// Gives each distinct word a number, from 0 in the order of their first appearance, so that alignments compare numbers.
///
/// Open addressing; should all words of both texts fall on one place, `alignedWordLimit` still bounds the search.
struct WordNumbers {
  /// The texts that the words are in.
  var letters: UTF8Text
  private var words: [Word] = []
  /// Number of a word + 1, or 0; a power of two, at most half of it in use.
  private var slots = [Int32](repeating: 0, count: 256)

  private struct Word {
    let hash: UInt64
    let start: Int
    let end: Int
  }

  init(letters: UTF8Text) {
    self.letters = letters
    words.reserveCapacity(min(letters.count / 8, 128))
  }

  var count: Int { words.count }

  /// The number of the word that is `letters[word]`.
  mutating func number(_ word: Range<Int>) -> Int32 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for index in word { hash = (hash ^ UInt64(letters[index])) &* 0x0000_0100_0000_01B3 }
    var slot = place(hash)
    while slots[slot] != 0 {
      let number = slots[slot] - 1
      if isSame(words[Int(number)], hash, word) { return number }
      slot = (slot + 1) & (slots.count - 1)
    }
    words.append(Word(hash: hash, start: word.lowerBound, end: word.upperBound))
    slots[slot] = Int32(words.count)
    if words.count * 2 > slots.count { grow() }
    return Int32(words.count - 1)
  }

  /// The upper bits of the product depend on all of the hash.
  private func place(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: (hash &* 0x9E37_79B9_7F4A_7C15) >> 40) & (slots.count - 1)
  }

  private func isSame(_ known: Word, _ hash: UInt64, _ word: Range<Int>) -> Bool {
    guard known.hash == hash, known.end - known.start == word.count else { return false }
    for offset in 0..<word.count where letters[known.start + offset] != letters[word.lowerBound + offset] { return false }
    return true
  }

  private mutating func grow() {
    slots = [Int32](repeating: 0, count: slots.count * 4)
    for (index, word) in words.enumerated() {
      var slot = place(word.hash)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(index + 1)
    }
  }
}
