import Testing

@testable import FaultProxy

@Suite("what waits in a link")
struct WaitingBytesTests {
  @Test("goes in the order and at the times in which it came, as in a plain array", arguments: 1...3)
  func reference(seed: UInt64) {
    let draws = SeededDraws(seed: seed)
    let limit = 150_000
    var waiting = WaitingBytes(limit: limit)
    var reference: [(byte: UInt8, due: UInt64)] = []
    var (came, now, lastDue) = (0, UInt64(0), UInt64(0))
    for step in 0..<500 as Range<UInt64> {
      let amount = Int(draws.word(.jitter, step) % 20_000)
      if draws.fraction(.corruptsBlock, step) < 0.5 {
        let bytes = pattern(min(amount, limit - reference.count), from: came)
        // Far enough apart not to be due together.
        lastDue += bytes.isEmpty ? 0 : 200_000
        bytes.withUnsafeBytes { waiting.add($0, due: MonotonicInstant(nanoseconds: lastDue)) }
        reference += bytes.map { ($0, lastDue) }
        came += bytes.count
      } else {
        now += UInt64(amount) * 20
        let due = reference.count { $0.due <= now }
        #expect(waiting.countDue(at: MonotonicInstant(nanoseconds: now)) == due)
        let first = waiting.first(min(due, amount))
        #expect(Array(first) == reference.prefix(first.count).map(\.byte))
        #expect(first.isEmpty == (min(due, amount) == 0))
        reference.removeFirst(first.count)
        waiting.remove(first.count)
      }
      #expect(waiting.count == reference.count)
      #expect(waiting.due?.nanoseconds == reference.first?.due)
      #expect(waiting.capacity <= limit)
    }
  }

  @Test("is late by a tenth of a millisecond at most when it comes byte by byte")
  func singleBytes() {
    var waiting = WaitingBytes(limit: 1 << 16)
    for time in 0..<5000 as Range<UInt64> {
      [UInt8(1)].withUnsafeBytes { waiting.add($0, due: MonotonicInstant(nanoseconds: time * 1000)) }
    }
    for time in 0..<5000 as Range<UInt64> {
      let due = waiting.countDue(at: MonotonicInstant(nanoseconds: time * 1000))
      #expect(due <= Int(time) + 1 && due >= Int(time) - 101)
    }
  }

  @Test("lets its memory go when it has gone")
  func memory() {
    var waiting = WaitingBytes(limit: 4 << 20)
    [UInt8](repeating: 1, count: 3 << 20).withUnsafeBytes { waiting.add($0, due: MonotonicInstant(nanoseconds: 0)) }
    #expect(waiting.capacity == 4 << 20)
    waiting.remove(3 << 20)
    #expect(waiting.capacity == 0)
  }

  @Test("is resumed in the order of the instants, and of equal ones in the order in which they were set")
  func deadlines() {
    final class Nothing: Resumable { func resume(tag: Int) {} }
    let draws = SeededDraws(seed: 9)
    var deadlines = Deadlines()
    let instants = (0..<500).map { draws.word(.jitter, UInt64($0)) % 50 }
    for (tag, instant) in instants.enumerated() {
      deadlines.add(Nothing(), tag: tag, at: MonotonicInstant(nanoseconds: instant))
    }
    var order: [Int] = []
    while let (_, tag) = deadlines.removeDue(at: MonotonicInstant(nanoseconds: 49)) { order.append(tag) }
    #expect(order == instants.indices.sorted { (instants[$0], $0) < (instants[$1], $1) })
  }
}
