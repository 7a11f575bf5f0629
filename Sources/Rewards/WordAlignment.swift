/// Aligns sequences of word numbers with one of them, 64 words in a step: the columns of the table of dynamic programming as
/// bits of machine words.
struct WordAlignment {
  private let count: Int
  private let blocks: Int
  private let distinct: Int
  /// For each word number and block, at which positions the word stands, [number, block].
  private var positions: [UInt64]

  /// - Parameter distinct: word numbers in `words` are less than this.
  init(of words: [Int32], distinct: Int) {
    count = words.count
    blocks = (words.count + 63) / 64
    self.distinct = distinct
    positions = [UInt64](repeating: 0, count: distinct * blocks)
    for (index, word) in words.enumerated() { positions[Int(word) * blocks + index / 64] |= 1 << UInt64(index % 64) }
  }

  @inline(__always)
  private func matches(_ word: Int32, _ block: Int) -> UInt64 {
    Int(word) < distinct ? positions[Int(word) * blocks + block] : 0
  }

  /// The length of the longest common subsequence. Hyyrö, Bit-parallel LCS-length computation revisited (2004).
  func longestCommonSubsequence(with words: [Int32]) -> Int {
    var unmatched = [UInt64](repeating: .max, count: blocks)
    for word in words where Int(word) < distinct {
      var carry = false
      for block in 0..<blocks {
        let row = unmatched[block]
        let hits = row & matches(word, block)
        let (partial, over) = row.addingReportingOverflow(hits)
        let (sum, overAgain) = partial.addingReportingOverflow(carry ? 1 : 0)
        carry = over || overAgain
        unmatched[block] = sum | (row & ~hits)
      }
    }
    var common = 0
    for block in 0..<blocks {
      let used = min(64, count - 64 * block)
      common += (~unmatched[block] & (.max >> UInt64(64 - used))).nonzeroBitCount
    }
    return common
  }

  /// The fewest substitutions, insertions and deletions. Myers, A fast bit-vector algorithm for approximate string matching
  /// (1999), in Hyyrö's form for the distance of whole sequences (2003).
  func editDistance(to words: [Int32]) -> Int {
    guard count > 0 else { return words.count }
    var (rises, falls) = ([UInt64](repeating: .max, count: blocks), [UInt64](repeating: 0, count: blocks))
    let last = UInt64(1) << UInt64((count - 1) % 64)
    var distance = count
    for word in words {
      var (risesIn, fallsIn) = (UInt64(1), UInt64(0))
      for block in 0..<blocks {
        let (rise, fall) = (rises[block], falls[block])
        let match = matches(word, block)
        let vertical = match | fall
        let matchIn = match | fallsIn
        let horizontal = (((matchIn & rise) &+ rise) ^ rise) | matchIn
        var up = fall | ~(horizontal | rise)
        var down = rise & horizontal
        let isLast = block == blocks - 1
        let (risesOut, fallsOut) = isLast ? (up & last == 0 ? 0 : 1, down & last == 0 ? 0 : 1) : (up >> 63, down >> 63)
        up = up << 1 | risesIn
        down = down << 1 | fallsIn
        rises[block] = down | ~(vertical | up)
        falls[block] = up & vertical
        (risesIn, fallsIn) = (risesOut, fallsOut)
      }
      distance += Int(risesIn) - Int(fallsIn)
    }
    return distance
  }
}
