import Testing

@testable import Engines

@Suite struct TrainingLengthPartsTests {
  @Test(
    "rows are cut where padding costs more than another part",
    arguments: [
      ([], 1, []),
      ([7], 1, [0..<1]),
      ([25, 25, 25, 25], 16, [0..<4]),
      ([9, 10, 10, 11, 12, 24, 25, 30], 16, [0..<3, 3..<5, 5..<7, 7..<8]),
      ([10, 11], 1, [0..<2]),
      ([10, 1000], 1, [0..<1, 1..<2]),
    ] as [([Int], Int, [Range<Int>])])
  func cuts(lengths: [Int], rows: Int, expected: [Range<Int>]) {
    #expect(lengthParts(lengths, rows: rows, limit: 8) == expected)
  }

  @Test("no other cut into at most three parts costs less")
  func isBest() {
    let lengths = [3, 4, 4, 9, 14, 15, 15, 33, 40]
    func cost(_ parts: [Range<Int>]) -> Int {
      parts.reduce(0) { $0 + $1.count * 4 * lengths[$1.upperBound - 1] + 20 }
    }
    var least = cost([0..<9])
    for a in 1..<9 {
      least = min(least, cost([0..<a, a..<9]))
      for b in a + 1..<10 where b < 9 { least = min(least, cost([0..<a, a..<b, b..<9])) }
    }
    #expect(cost(lengthParts(lengths, rows: 4, overhead: 20, limit: 3)) == least)
  }
}
