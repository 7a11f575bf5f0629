/// The positions whose units wait to be leased, and which of them is next: the first in schedule order whose pause is over.
struct UnitQueue: Sendable {
  private var ready = IndexedHeap<Int>()
  /// By the end of their pause.
  private var paused = IndexedHeap<Instant>()

  mutating func add(_ position: Int) {
    ready.set(position, to: position)
  }

  mutating func remove(_ position: Int) {
    ready.remove(position)
    paused.remove(position)
  }

  /// - Parameter until: when the position, which waits, is ready again.
  mutating func pause(_ position: Int, until: Instant) {
    ready.remove(position)
    paused.set(position, to: until)
  }

  mutating func next(at now: Instant) -> Int? {
    while let end = paused.firstKey, end <= now, let position = paused.first {
      paused.remove(position)
      ready.set(position, to: position)
    }
    return ready.first
  }
}
