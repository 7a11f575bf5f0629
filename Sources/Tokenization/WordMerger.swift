/// Applies the merges to one word: always the earliest learned merge, leftmost first, until none applies.
///
/// Holds its working space between words. A word of n bytes takes n log n steps, so that a text without a single space
/// costs no more than prose.
struct WordMerger {
  /// [position]: the token that begins there; the word's bytes at first.
  private var tokens: [Int32] = []
  /// [position]: the position after and before, -1 at the ends.
  private var next: [Int32] = []
  private var previous: [Int32] = []
  /// [position]: the rank of the pair that begins there.
  private var ranks: [UInt32] = []
  /// Pairs still to be merged, as rank then position, smallest on top; an entry whose rank is no longer the one at its
  /// position is out of date.
  private var heap: [UInt64] = []

  /// Words up to this many tokens are searched from end to end at every merge, which for so few is faster than the heap.
  private static let shortWord = 24

  /// - Parameters:
  ///   - bytes: the tokens of the word's single bytes.
  ///   - ids: where the tokens are appended.
  mutating func merge(_ bytes: some Sequence<Int32>, by merges: PairMerges, into ids: inout [Int32]) {
    tokens.removeAll(keepingCapacity: true)
    tokens.append(contentsOf: bytes)
    if tokens.count > Self.shortWord {
      mergeLong(by: merges, into: &ids)
    } else {
      mergeShort(by: merges, into: &ids)
    }
  }

  private mutating func mergeShort(by merges: PairMerges, into ids: inout [Int32]) {
    ranks.removeAll(keepingCapacity: true)
    for position in tokens.indices.dropFirst() { ranks.append(merges.rank(tokens[position - 1], tokens[position])) }
    while true {
      var best = PairMerges.never
      var position = 0
      for (index, rank) in ranks.enumerated() where rank < best { (best, position) = (rank, index) }
      guard best != PairMerges.never else { break }
      tokens[position] = merges.merged[Int(best)]
      tokens.remove(at: position + 1)
      ranks.remove(at: position)
      if position < ranks.count { ranks[position] = merges.rank(tokens[position], tokens[position + 1]) }
      if position > 0 { ranks[position - 1] = merges.rank(tokens[position - 1], tokens[position]) }
    }
    ids.append(contentsOf: tokens)
  }

  private mutating func mergeLong(by merges: PairMerges, into ids: inout [Int32]) {
    let count = tokens.count
    next = (0..<count).map { $0 + 1 < count ? Int32($0 + 1) : -1 }
    previous = (0..<count).map { Int32($0 - 1) }
    ranks = Array(repeating: PairMerges.never, count: count)
    heap.removeAll(keepingCapacity: true)
    for position in 0..<count { rankPair(at: Int32(position), by: merges) }
    while let top = popHeap() {
      let position = Int(UInt32(truncatingIfNeeded: top))
      let rank = UInt32(top >> 32)
      guard ranks[position] == rank else { continue }
      let absorbed = Int(next[position])
      tokens[position] = merges.merged[Int(rank)]
      next[position] = next[absorbed]
      ranks[absorbed] = PairMerges.never
      if next[absorbed] >= 0 { previous[Int(next[absorbed])] = Int32(position) }
      rankPair(at: Int32(position), by: merges)
      if previous[position] >= 0 { rankPair(at: previous[position], by: merges) }
    }
    var position: Int32 = 0
    while position >= 0 {
      ids.append(tokens[Int(position)])
      position = next[Int(position)]
    }
  }

  private mutating func rankPair(at position: Int32, by merges: PairMerges) {
    let right = next[Int(position)]
    let rank = right < 0 ? PairMerges.never : merges.rank(tokens[Int(position)], tokens[Int(right)])
    ranks[Int(position)] = rank
    if rank != PairMerges.never { pushHeap(UInt64(rank) << 32 | UInt64(UInt32(bitPattern: position))) }
  }

  private mutating func pushHeap(_ entry: UInt64) {
    var child = heap.count
    heap.append(entry)
    while child > 0 {
      let parent = (child - 1) / 2
      guard entry < heap[parent] else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = entry
  }

  private mutating func popHeap() -> UInt64? {
    guard let top = heap.first, let last = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return top }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < last else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = last
    return top
  }
}
