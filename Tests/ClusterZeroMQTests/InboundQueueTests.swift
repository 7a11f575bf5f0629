@testable import ClusterZeroMQ
import Synchronization
import Testing

@Suite("What has been received and not read yet")
struct InboundQueueTests {
  @Test("is full at its count or its bytes, and has room again at half", arguments: [(4, 1000), (1000, 40)])
  func bounds(count: Int, bytes: Int) async {
    let rooms = Atomic<Int>(0)
    let queue = InboundQueue<Int>(maximumCount: count, maximumBytes: bytes) { rooms.add(1, ordering: .relaxed) }
    for number in 0..<3 { #expect(!queue.put(number, bytes: 10)) }
    #expect(queue.put(3, bytes: 10))
    // What was on its way is kept although the queue is full.
    #expect(queue.put(4, bytes: 10))
    var iterator = queue.stream.makeAsyncIterator()
    var seen: [Int] = []
    for expected in [0, 0, 1] {
      if let number = await iterator.next() { seen.append(number) }
      #expect(rooms.load(ordering: .relaxed) == expected)
    }
    #expect(seen == [0, 1, 2])
  }

  @Test("what it holds is read after it has finished, and then it ends")
  func finishing() async {
    let queue = InboundQueue<Int>(maximumCount: 10, maximumBytes: 10) {}
    _ = queue.put(1, bytes: 0)
    queue.finish()
    #expect(!queue.put(2, bytes: 0))
    var iterator = queue.stream.makeAsyncIterator()
    #expect(await iterator.next() == 1)
    #expect(await iterator.next() == nil)
  }

  @Test("a reader that is cancelled stops waiting")
  func cancellation() async {
    let queue = InboundQueue<Int>(maximumCount: 10, maximumBytes: 10) {}
    let reader = Task { for await _ in queue.stream {} }
    try? await Task.sleep(for: .milliseconds(20))
    reader.cancel()
    await reader.value
  }
}
