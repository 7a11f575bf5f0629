/// The bytes of one direction that have come and not gone, in order, each with the time at which it may go.
///
/// A ring that grows by doubling, up to `limit`, and lets its memory go when it is empty.
struct WaitingBytes: ~Copyable {
  /// Bytes that are due together.
  private struct Run {
    var count: Int
    /// When the first of them were to go.
    let earliest: MonotonicInstant
    /// When they go: the latest of them.
    var due: MonotonicInstant
  }

  private static let smallestCapacity = 64 << 10

  private let limit: Int
  private var ring = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var head = 0
  private(set) var count = 0
  private var runs: ArraySlice<Run> = []

  init(limit: Int) {
    self.limit = limit
  }

  deinit {
    ring.deallocate()
  }

  var isEmpty: Bool { count == 0 }
  var capacity: Int { ring.count }

  /// When the first byte may go.
  var due: MonotonicInstant? { runs.first?.due }

  /// - Precondition: they fit into `limit`, and `due` is not before that of what was added last.
  mutating func add(_ bytes: UnsafeRawBufferPointer, due: MonotonicInstant) {
    guard !bytes.isEmpty else { return }
    reserve(count + bytes.count)
    let tail = (head + count) % ring.count
    let before = min(bytes.count, ring.count - tail)
    UnsafeMutableRawBufferPointer(rebasing: ring[tail..<(tail + before)])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<before]))
    UnsafeMutableRawBufferPointer(rebasing: ring[..<(bytes.count - before)])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[before...]))
    count += bytes.count
    // Without this, a sender of single bytes would make a run of each.
    if let last = runs.last, due <= last.earliest + LinkLimits.sharedDueTime {
      runs[runs.endIndex - 1].count += bytes.count
      runs[runs.endIndex - 1].due = due
    } else {
      runs.append(Run(count: bytes.count, earliest: due, due: due))
    }
  }

  /// How many bytes may go.
  func countDue(at now: MonotonicInstant) -> Int {
    if let last = runs.last, last.due <= now { return count }
    return runs.prefix { $0.due <= now }.reduce(0) { $0 + $1.count }
  }

  /// The first `count` bytes, or those of them that lie together in memory.
  ///
  /// The memory is valid until the next change.
  func first(_ count: Int) -> UnsafeRawBufferPointer {
    let end = min(head + min(count, self.count), ring.count)
    return UnsafeRawBufferPointer(rebasing: ring[head..<end])
  }

  mutating func remove(_ removed: Int) {
    count -= removed
    if count == 0 { return removeAll() }
    head = (head + removed) % ring.count
    var left = removed
    while left > 0, let run = runs.first {
      let taken = min(left, run.count)
      left -= taken
      if taken == run.count { runs.removeFirst() } else { runs[runs.startIndex].count -= taken }
    }
  }

  mutating func removeAll() {
    (count, head, runs) = (0, 0, [])
    guard ring.count > Self.smallestCapacity else { return }
    ring.deallocate()
    ring = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  /// No byte waits longer than until `latest`.
  mutating func hasten(to latest: MonotonicInstant) {
    runs = runs.map { Run(count: $0.count, earliest: min($0.earliest, latest), due: min($0.due, latest)) }[...]
  }

  private mutating func reserve(_ needed: Int) {
    precondition(needed <= limit, "more bytes than may wait")
    guard needed > ring.count else { return }
    var capacity = max(ring.count, Self.smallestCapacity)
    while capacity < needed { capacity *= 2 }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: min(capacity, limit), alignment: 64)
    let before = first(count)
    larger.copyMemory(from: before)
    UnsafeMutableRawBufferPointer(rebasing: larger[before.count...])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: ring[..<(count - before.count)]))
    ring.deallocate()
    (ring, head) = (larger, 0)
  }
}
