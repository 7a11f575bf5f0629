/// Where rows that stand in order of length are cut into parts that are padded each to its own longest row.
///
/// Of all cuts, those that leave the fewest tokens to work on, padding included, when every part costs `overhead` tokens
/// for itself. A function of the lengths alone, so it does not change a run's bits.
///
/// - Parameters:
///   - lengths: tokens, ascending.
///   - rows: so many rows stand behind each length.
/// - Returns: ranges of `lengths`, in order, together all of it; at most `limit`.
func lengthParts(_ lengths: [Int], rows: Int = 1, overhead: Int = 48, limit: Int = 8) -> [Range<Int>] {
  guard !lengths.isEmpty else { return [] }
  // best[parts][end]: the least cost of the first `end` lengths in so many parts, and where the last of them begins.
  var best = [[(cost: Int, start: Int)]](repeating: [], count: limit + 1)
  best[0] = [(0, 0)] + lengths.map { _ in (.max, 0) }
  for parts in 1...limit {
    best[parts] = (0...lengths.count).map { end in
      guard end > 0 else { return (.max, 0) }
      var least = (cost: Int.max, start: 0)
      for start in 0..<end where best[parts - 1][start].cost < .max {
        let cost = best[parts - 1][start].cost + (end - start) * rows * lengths[end - 1] + overhead
        if cost < least.cost { least = (cost, start) }
      }
      return least
    }
  }
  let count = (1...limit).min { best[$0][lengths.count].cost < best[$1][lengths.count].cost } ?? 1
  var ranges: [Range<Int>] = []
  var end = lengths.count
  for parts in stride(from: count, through: 1, by: -1) {
    let start = best[parts][end].start
    ranges.append(start..<end)
    end = start
  }
  return ranges.reversed()
}
