import Testing

@testable import Rollout

@Suite("The numbered table")
struct NumberedTableTests {
  @Test("agrees with a dictionary, and its numbers stay as few as its keys were at most")
  func random() {
    var draws = Draws(seed: 1)
    var table = NumberedTable<String, Int>()
    var expected: [String: Int] = [:]
    var most = 0
    for turn in 0..<3000 {
      let key = "k\(draws.below(40))"
      if let number = table.number(of: key) {
        #expect(table.byNumber[number] == expected[key] && table[key] == expected[key])
        if draws.chance(0.5) {
          #expect(table.remove(key) == number && table[key] == nil)
          expected[key] = nil
        } else {
          table.byNumber[number] += 1
          expected[key]? += 1
        }
      } else {
        #expect(expected[key] == nil && table.remove(key) == nil)
        expected[key] = turn
        most = max(most, expected.count)
        #expect(table.add(turn, for: key) < most)
      }
      #expect(table.count == expected.count && table.isEmpty == expected.isEmpty)
      #expect(table.values.sorted() == expected.values.sorted())
    }
  }
}
