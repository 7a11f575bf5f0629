import Testing

@testable import Rollout

@Suite("The queue")
struct FirstInFirstOutTests {
  @Test("gives back in order what it was given")
  func order() {
    var draws = Draws(seed: 1)
    var queue = FirstInFirstOut<Int>()
    var expected: [Int] = []
    for turn in 0..<5000 {
      // It grows, then it is drained.
      if draws.chance(turn < 2000 ? 0.7 : 0.3) {
        queue.append(turn)
        expected.append(turn)
      } else {
        #expect(queue.first == expected.first)
        #expect(queue.popFirst() == (expected.isEmpty ? nil : expected.removeFirst()))
      }
    }
    #expect(queue.first == expected.first)
  }
}
