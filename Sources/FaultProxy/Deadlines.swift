/// What is to be resumed at which instant; of equal instants, first come first served. A binary heap.
struct Deadlines {
  private struct Entry {
    let instant: MonotonicInstant
    let number: UInt64
    let target: any Resumable
    let tag: Int

    static func < (a: Entry, b: Entry) -> Bool { (a.instant, a.number) < (b.instant, b.number) }
  }

  private var heap: [Entry] = []
  private var added: UInt64 = 0

  var next: MonotonicInstant? { heap.first?.instant }

  mutating func add(_ target: any Resumable, tag: Int, at instant: MonotonicInstant) {
    added += 1
    heap.append(Entry(instant: instant, number: added, target: target, tag: tag))
    var child = heap.count - 1
    while child > 0, case let parent = (child - 1) / 2, heap[child] < heap[parent] {
      heap.swapAt(child, parent)
      child = parent
    }
  }

  mutating func removeDue(at now: MonotonicInstant) -> (target: any Resumable, tag: Int)? {
    guard let first = heap.first, first.instant <= now else { return nil }
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    var parent = 0
    while true {
      let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < heap.count }
      guard let least = children.min(by: { heap[$0] < heap[$1] }), heap[least] < heap[parent] else { break }
      heap.swapAt(least, parent)
      parent = least
    }
    return (first.target, first.tag)
  }
}
