import Testing

@testable import Rollout

@Suite("The units that wait to be leased")
struct UnitQueueTests {
  private func at(_ second: Int) -> Instant { Instant(nanoseconds: UInt64(second) * 1_000_000_000) }

  @Test("come in schedule order, whatever the order they were queued in")
  func order() {
    var queue = UnitQueue()
    for position in [5, 2, 9] { queue.add(position) }
    var taken: [Int] = []
    while let next = queue.next(at: at(0)) {
      taken.append(next)
      queue.remove(next)
    }
    #expect(taken == [2, 5, 9])
  }

  @Test("are passed over until their pause is over, and then come before later ones again")
  func pause() {
    var queue = UnitQueue()
    for position in [1, 2, 3] { queue.add(position) }
    queue.pause(1, until: at(20))
    queue.pause(2, until: at(10))
    #expect(queue.next(at: at(9)) == 3)
    #expect(queue.next(at: at(10)) == 2)
    #expect(queue.next(at: at(20)) == 1)
    queue.pause(1, until: at(30))
    queue.remove(1)
    #expect(queue.next(at: at(40)) == 2)
  }
}
