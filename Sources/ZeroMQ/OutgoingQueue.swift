/// What may wait in the process for one destination while libzmq takes no more.
package struct QueueLimits: Sendable, Hashable {
  package var messages: Int
  package var bytes: Int
  /// Router: bytes for all destinations together.
  package var totalBytes: Int
  /// Router: destinations that may have something waiting.
  package var destinations: Int

  package init(messages: Int = 256, bytes: Int = 64 << 20, totalBytes: Int = .max, destinations: Int = 1024) {
    self.messages = messages
    self.bytes = bytes
    self.totalBytes = totalBytes
    self.destinations = destinations
  }
}

/// What became of a message handed to a channel.
package enum SendOutcome: Sendable, Equatable {
  /// libzmq has it.
  case sent
  /// It waits in the process with `messages` others and itself. The sender should slow down.
  case queued(messages: Int)
  /// It was not taken: the queue is full. The sender still has it, and is told by `onDrained` when to go on.
  case full
}

/// Messages that wait, in order, within bounds.
struct OutgoingQueue {
  private let limits: QueueLimits
  private var messages: ArraySlice<Multipart> = []
  private(set) var bytes = 0

  init(_ limits: QueueLimits) {
    self.limits = limits
  }

  var isEmpty: Bool { messages.isEmpty }
  var count: Int { messages.count }
  var first: Multipart? { messages.first }

  /// - Returns: false, leaving the queue as it was, if there is no room. An empty queue takes a message of any size.
  mutating func append(_ message: Multipart) -> Bool {
    let size = message.byteCount
    guard messages.isEmpty || (messages.count < limits.messages && bytes + size <= limits.bytes) else { return false }
    messages.append(message)
    bytes += size
    return true
  }

  mutating func removeFirst() {
    if let message = messages.popFirst() { bytes -= message.byteCount }
  }
}
