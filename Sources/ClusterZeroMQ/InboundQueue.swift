internal import Synchronization

/// What has been received and not been read yet. Says when it is full, so that its sockets stop reading, and when there
/// is room again.
final class InboundQueue<Element: Sendable>: Sendable {
  private struct State {
    var waiting: ArraySlice<(element: Element, bytes: Int)> = []
    var bytes = 0
    var isFull = false
    var isFinished = false
    var reader: CheckedContinuation<Element?, Never>?
  }

  private let state = Mutex(State())
  private let maximumCount: Int
  private let maximumBytes: Int
  private let onRoom: @Sendable () -> Void

  /// - Parameter onRoom: called on the reader's thread when a queue that was full is half empty.
  init(maximumCount: Int, maximumBytes: Int, onRoom: @escaping @Sendable () -> Void) {
    self.maximumCount = maximumCount
    self.maximumBytes = maximumBytes
    self.onRoom = onRoom
  }

  /// To be iterated once.
  var stream: AsyncStream<Element> {
    AsyncStream { [self] in await next() } onCancel: { [self] in finish() }
  }

  /// Takes the element, full or not.
  ///
  /// - Returns: whether the queue is full now, and no more should be put in before `onRoom`.
  func put(_ element: Element, bytes: Int) -> Bool {
    let (reader, isFull) = state.withLock { state -> (CheckedContinuation<Element?, Never>?, Bool) in
      guard !state.isFinished else { return (nil, false) }
      if let reader = state.reader {
        state.reader = nil
        return (reader, false)
      }
      state.waiting.append((element, bytes))
      state.bytes += bytes
      state.isFull = state.isFull || state.waiting.count >= maximumCount || state.bytes >= maximumBytes
      return (nil, state.isFull)
    }
    reader?.resume(returning: element)
    return isFull
  }

  /// What is in the queue can still be read; nothing more comes.
  func finish() {
    let reader = state.withLock { state in
      state.isFinished = true
      defer { state.reader = nil }
      return state.reader
    }
    reader?.resume(returning: nil)
  }

  private func next() async -> Element? {
    await withCheckedContinuation { continuation in
      var hasRoom = false
      let answer = state.withLock { state -> Element?? in
        guard let (element, bytes) = state.waiting.popFirst() else {
          if state.isFinished { return .some(nil) }
          state.reader = continuation
          return nil
        }
        state.bytes -= bytes
        if state.isFull, state.waiting.count <= maximumCount / 2, state.bytes <= maximumBytes / 2 {
          state.isFull = false
          hasRoom = true
        }
        return element
      }
      if hasRoom { onRoom() }
      if let answer { continuation.resume(returning: answer) }
    }
  }
}
