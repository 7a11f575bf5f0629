/// Collects the bytes of an artifact or of weights from chunks that may be lost, repeated or out of order.
///
/// Chunks count only in order; what is missing is asked for again from where the bytes end.
package struct Download: Sendable {
  package let source: Fetch.Source
  package let byteCount: Int
  package private(set) var bytes: [UInt8] = []
  /// Whether chunks are asked for one by one; broadcast ones come by themselves.
  package private(set) var isPulled = false
  private var lastChange: Instant

  package init(source: Fetch.Source, byteCount: Int, now: Instant) {
    self.source = source
    self.byteCount = byteCount
    lastChange = now
    bytes.reserveCapacity(min(byteCount, 1 << 26))
  }

  package var isComplete: Bool { bytes.count == byteCount }

  /// - Returns: whether the chunk brought the bytes that are wanted next.
  package mutating func take(_ chunk: Chunk, at now: Instant) -> Bool {
    guard chunk.source == source, chunk.offset == bytes.count, !chunk.bytes.isEmpty,
      chunk.bytes.count <= byteCount - bytes.count
    else { return false }
    bytes.append(contentsOf: chunk.bytes)
    lastChange = now
    return true
  }

  /// Whether the chunk lies beyond bytes that have not come.
  package func isAhead(_ chunk: Chunk) -> Bool {
    chunk.source == source && chunk.offset > bytes.count
  }

  /// What to ask for next; nil once everything is here.
  package mutating func pull(at now: Instant) -> Fetch? {
    guard !isComplete else { return nil }
    isPulled = true
    lastChange = now
    let count = min(Limits.standard.chunk, byteCount - bytes.count)
    return Fetch(source: source, offset: bytes.count, count: count)
  }

  /// What to ask for (again) if nothing has come for `patience`.
  package mutating func pullIfStuck(at now: Instant, patience: Duration) -> Fetch? {
    now - lastChange > patience ? pull(at: now) : nil
  }

  /// Starts from the beginning, because the bytes were not the right ones.
  package mutating func restart(at now: Instant) -> Fetch? {
    bytes.removeAll(keepingCapacity: true)
    return pull(at: now)
  }
}
