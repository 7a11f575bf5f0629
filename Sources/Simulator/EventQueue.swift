internal import Rollout

/// What will happen, in order: by time, and at one time in the order in which it was posted. The virtual clock jumps from
/// one to the next.
struct EventQueue<Event> {
  /// What is popped; by its number the trace tells an event from others of the same time.
  typealias Next = (at: Instant, number: UInt64, event: Event)

  private struct Key: Comparable {
    let at: UInt64
    let number: UInt64
    let slot: Int

    static func < (left: Self, right: Self) -> Bool { (left.at, left.number) < (right.at, right.number) }
  }

  /// A binary heap of keys; the events, which are larger, stay where they are.
  private var heap: [Key] = []
  private var slots: [Event?] = []
  private var free: [Int] = []
  private var posted: UInt64 = 0

  var count: Int { heap.count }

  mutating func post(_ event: consuming Event, at: Instant) {
    posted += 1
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      slots[slot] = event
    } else {
      slot = slots.count
      slots.append(event)
    }
    let key = Key(at: at.nanoseconds, number: posted, slot: slot)
    heap.append(key)
    // The places are changed where they lie: an array would look with each move whether anybody else has it.
    heap.withUnsafeMutableBufferPointer { Self.rise(key, from: $0.count - 1, in: $0) }
  }

  mutating func popFirst() -> Next? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { heap.withUnsafeMutableBufferPointer { Self.sink(last, in: $0) } }
    guard let event = slots[first.slot].take() else { return nil }
    free.append(first.slot)
    return (Instant(nanoseconds: first.at), first.number, event)
  }

  /// Puts `key`, which was the last and mostly belongs far down, where the top was: the place that it leaves goes down to a
  /// leaf, and the key up from there.
  private static func sink(_ key: Key, in heap: UnsafeMutableBufferPointer<Key>) {
    var place = 0
    while true {
      var child = 2 * place + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      heap[place] = heap[child]
      place = child
    }
    rise(key, from: place, in: heap)
  }

  /// Puts `key` at `place` or, where those above it come later, further up.
  private static func rise(_ key: Key, from start: Int, in heap: UnsafeMutableBufferPointer<Key>) {
    var place = start
    while place > 0 {
      let parent = (place - 1) / 2
      guard key < heap[parent] else { break }
      heap[place] = heap[parent]
      place = parent
    }
    heap[place] = key
  }
}
