import Testing

@testable import Rollout

@Suite("Groups that wait for a scorer's engine")
struct GroupQueueTests {
  private func group(_ number: UInt64, unit: UInt32? = nil, attempt: UInt32 = 1, textBytes: Int = 0) -> ResponseGroup {
    var lease = Lease.sample(number)
    if let unit { lease.unit = UnitID(epoch: 0, prompt: unit) }
    lease.attempt = attempt
    var response = Response.sample()
    response.text = String(repeating: "x", count: textBytes)
    return ResponseGroup(lease: lease, responses: [response], seconds: 1)
  }

  private func drain(_ queue: inout GroupQueue) -> [UInt64] {
    var numbers: [UInt64] = []
    while let next = queue.next(besides: { _ in false }) { numbers.append(next.group.lease.id.number) }
    return numbers
  }

  @Test("workers take turns, each in its own order")
  func turns() {
    var queue = GroupQueue(count: 10, bytes: 1 << 20)
    for number in 1...4 as ClosedRange<UInt64> { #expect(queue.add(group(number), from: "busy").isEmpty) }
    #expect(queue.add(group(5), from: "calm").isEmpty)
    #expect(queue.add(group(6), from: "calm").isEmpty)
    #expect(drain(&queue) == [1, 5, 2, 6, 3, 4])
    #expect(queue.count == 0 && queue.isEmpty)
  }

  @Test("one that pushes without end loses its own, and nobody else's")
  func flood() {
    var queue = GroupQueue(count: 4, bytes: 1 << 20)
    #expect(queue.add(group(1), from: "calm").isEmpty)
    var dropped: [UInt64] = []
    for number in 2...1000 as ClosedRange<UInt64> {
      let lost = queue.add(group(number), from: "flooding")
      #expect(lost.allSatisfy { $0.worker == "flooding" })
      dropped += lost.map(\.lease.number)
    }
    #expect(dropped == Array(5...1000))
    // Who comes late gets its place as well.
    #expect(queue.add(group(1001), from: "late").map(\.worker) == ["flooding"])
    #expect(drain(&queue) == [1, 2, 1001, 3])
  }

  @Test("bytes are bounded too, but for a single group that is larger")
  func bytes() {
    var queue = GroupQueue(count: 100, bytes: 10_000)
    #expect(queue.add(group(1, textBytes: 50_000), from: "large").isEmpty)
    #expect(queue.add(group(2, textBytes: 100), from: "small").map(\.lease.number) == [1])
    for number in 3...50 as ClosedRange<UInt64> { _ = queue.add(group(number, textBytes: 3000), from: "large") }
    #expect(queue.contains(LeaseID(incarnation: 1, number: 2), of: "small"))
    #expect(drain(&queue) == [2, 3, 4, 5])
  }

  @Test("where bytes are short, who has several waiting loses one before who has a single large one")
  func severalBeforeLarge() {
    var queue = GroupQueue(count: 100, bytes: 10_000)
    #expect(queue.add(group(1, textBytes: 6000), from: "calm").isEmpty)
    #expect(queue.add(group(2, textBytes: 1500), from: "busy").isEmpty)
    #expect(queue.add(group(3, textBytes: 1500), from: "busy").isEmpty)
    #expect(queue.add(group(4, textBytes: 1500), from: "busy").map(\.worker) == ["busy"])
    #expect(queue.contains(LeaseID(incarnation: 1, number: 1), of: "calm"))
  }

  @Test("a worker's later attempt takes the place of its earlier one, never of another worker's")
  func attempts() {
    var queue = GroupQueue(count: 10, bytes: 1 << 20)
    _ = queue.add(group(1, unit: 7), from: "a")
    _ = queue.add(group(2, unit: 7), from: "b")
    _ = queue.add(group(3, unit: 7, attempt: 2), from: "a")
    #expect(drain(&queue) == [2, 3])
  }

  @Test("a lease that the engine is at does not hold up others")
  func busyLease() {
    var queue = GroupQueue(count: 10, bytes: 1 << 20)
    _ = queue.add(group(1), from: "a")
    _ = queue.add(group(2), from: "b")
    #expect(queue.next(besides: { $0.number == 1 })?.group.lease.id.number == 2)
    #expect(queue.next(besides: { $0.number == 1 }) == nil)
    #expect(queue.next(besides: { _ in false })?.worker == "a")
  }
}
