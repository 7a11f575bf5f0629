internal import Rollout

/// What will happen, in order: by time, and at one time in the order in which it was posted. The virtual clock jumps from
/// one to the next.
struct EventQueue<Event> {
  /// What is popped.
  struct Next {
    let at: Instant
    /// By which the trace tells it from others of the same time.
    let number: UInt64
    let event: Event
  }

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

  mutating func post(_ event: Event, at: Instant) {
    posted += 1
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      slots[slot] = event
    } else {
      slot = slots.count
      slots.append(event)
    }
    heap.append(Key(at: at.nanoseconds, number: posted, slot: slot))
    var child = heap.count - 1
    let key = heap[child]
    while child > 0 {
      let parent = (child - 1) / 2
      guard key < heap[parent] else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = key
  }

  mutating func popFirst() -> Next? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { sink(last) }
    guard let event = slots[first.slot].take() else { return nil }
    free.append(first.slot)
    return Next(at: Instant(nanoseconds: first.at), number: first.number, event: event)
  }

  /// Puts `key` where the top was.
  private mutating func sink(_ key: Key) {
    let count = heap.count
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < count else { break }
      if child + 1 < count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < key else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = key
  }
}
