internal import Limits

/// How a peer fetches what is larger than a message.
package struct TransferSettings: Sendable, Hashable {
  /// Bytes of one chunk; a fetch asks for one.
  package var chunk: Int
  /// Most chunks to have asked for and not received: the credit of the learner towards this peer.
  package var window: Int
  /// A chunk that has not come after this long is asked for again.
  package var patience: Duration
  /// The window grows while chunks come sooner than this and shrinks while they come later, so that what else the
  /// learner has to say never waits long behind them.
  package var target: Duration

  package init(
    chunk: Int = Limits.standard.messages.chunk, window: Int = Limits.standard.messages.window, patience: Duration = .seconds(2),
    target: Duration = .milliseconds(250)
  ) {
    self.chunk = chunk
    self.window = window
    self.patience = patience
    self.target = target
  }
}

/// Collects the bytes of an artifact, of weights or of a delta from chunks that may be lost, repeated or out of order.
///
/// Chunks are asked for, a window of them at a time; each is copied once, to its place. What does not come is asked for
/// again, less and less soon, so that a link slower than the patience is not filled with repetitions.
package struct Download: Sendable {
  private struct Request: Sendable {
    let index: Int
    let firstAskedAt: Instant
    var askedAt: Instant
    var repeats = 0
  }

  package let source: Fetch.Source
  package let byteCount: Int
  /// All bytes once the download is complete; before that, what has not come is undefined.
  package private(set) var bytes: [UInt8]
  /// Chunks that may be under way now.
  package private(set) var window = 1

  private let settings: TransferSettings
  private var isHere: [Bool]
  private var missing: Int
  /// The first chunk never asked for.
  private var fresh = 0
  /// In the order in which they were asked for.
  private var requests: [Request] = []
  /// How long the chunk that came last was under way.
  private var roundTrip = Duration.zero

  /// - Parameters:
  ///   - memory: to collect in if it is as large as the source; what it holds is lost,
  ///   - ranges: but for these, in order and apart from one another: they are as they should be.
  package init(
    source: Fetch.Source, byteCount: Int, settings: TransferSettings, in memory: consuming [UInt8] = [],
    holding ranges: [Range<Int>] = []
  ) {
    self.source = source
    self.byteCount = byteCount
    self.settings = settings
    let chunks = (byteCount + settings.chunk - 1) / settings.chunk
    isHere = Array(repeating: false, count: chunks)
    missing = chunks
    if memory.count == byteCount {
      for range in ranges {
        for index in (range.lowerBound + settings.chunk - 1) / settings.chunk..<chunks {
          guard min((index + 1) * settings.chunk, byteCount) <= range.upperBound else { break }
          isHere[index] = true
          missing -= 1
        }
      }
    }
    // Not zeroed: memory is taken as chunks come in, and nothing is read before all have.
    bytes =
      memory.count == byteCount
      ? memory : Array(unsafeUninitializedCapacity: byteCount) { _, count in count = byteCount }
  }

  package var isComplete: Bool { missing == 0 }

  /// Copies the chunk to its place.
  ///
  /// - Returns: whether it brought bytes that were missing.
  package mutating func take(_ chunk: Chunk, at now: Instant) -> Bool {
    let (index, rest) = chunk.offset.quotientAndRemainder(dividingBy: settings.chunk)
    guard chunk.source == source, rest == 0, isHere.indices.contains(index), chunk.payload.count == count(of: index),
      !isHere[index]
    else { return false }
    bytes.withUnsafeMutableBytes { bytes in
      chunk.payload.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(rebasing: bytes[chunk.offset..<chunk.offset + $0.count]).copyMemory(from: $0)
      }
    }
    isHere[index] = true
    missing -= 1
    guard let position = requests.firstIndex(where: { $0.index == index }) else { return true }
    roundTrip = now - requests.remove(at: position).firstAskedAt
    if roundTrip <= settings.target {
      window = min(window + 1, settings.window)
    } else if roundTrip > settings.target * 2 {
      window = max(window - 1, 1)
    }
    return true
  }

  /// What to ask for now: what has not come in time, and what the window has room for.
  package mutating func due(at now: Instant) -> [Fetch] {
    var fetches: [Fetch] = []
    for position in requests.indices where isOverdue(requests[position], at: now) {
      requests[position].askedAt = now
      requests[position].repeats += 1
      fetches.append(fetch(requests[position].index))
    }
    if !fetches.isEmpty { window = max(window / 2, 1) }
    while requests.count < window, fresh < isHere.count {
      if !isHere[fresh] {
        requests.append(Request(index: fresh, firstAskedAt: now, askedAt: now))
        fetches.append(fetch(fresh))
      }
      fresh += 1
    }
    return fetches
  }

  private func isOverdue(_ request: Request, at now: Instant) -> Bool {
    let waited = now - request.askedAt
    guard waited > settings.patience else { return false }
    return waited > max(settings.patience, roundTrip * 2) * (1 << min(request.repeats, 4))
  }

  private func fetch(_ index: Int) -> Fetch {
    Fetch(source: source, offset: index * settings.chunk, count: count(of: index))
  }

  private func count(of index: Int) -> Int { min(settings.chunk, byteCount - index * settings.chunk) }
}
