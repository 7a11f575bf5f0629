internal import Limits
internal import Synchronization

/// Events for one role, in the order in which they came.
///
/// What happens inside the process is posted and never waits. What comes from the network is offered: the giver waits
/// while much is unread, so that a flood stays in the network instead of filling the memory.
package final class Mailbox<Event: Sendable>: Sendable {
  private struct State {
    var unread: [(event: Event, bytes: Int)] = []
    /// Of what is unread.
    var bytes = 0
    /// Events of `unread` that have been read.
    var read = 0
    var reader: CheckedContinuation<Event?, Never>?
    var givers: [CheckedContinuation<Void, Never>] = []
    var isClosed = false

    var count: Int { unread.count - read }

    func isFree(_ bound: Int, _ byteBound: Int) -> Bool { count < bound && bytes < byteBound }
  }

  private let bound: Int
  private let byteBound: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - bound: unread events from which on a giver waits.
  ///   - byteBound: and bytes that came from the network.
  package init(bound: Int = 256, byteBound: Int = Limits.standard.messages.waitingBytes) {
    self.bound = bound
    self.byteBound = byteBound
  }

  package func post(_ event: Event) {
    post(event, bytes: 0)
  }

  private func post(_ event: Event, bytes: Int) {
    let reader = state.withLock { state -> CheckedContinuation<Event?, Never>? in
      guard !state.isClosed else { return nil }
      if let reader = state.reader.take() { return reader }
      state.unread.append((event, bytes))
      state.bytes += bytes
      return nil
    }
    reader?.resume(returning: event)
  }

  /// - Parameter bytes: as it came.
  package func offer(_ event: Event, bytes: Int) async {
    post(event, bytes: bytes)
    await withCheckedContinuation { giver in
      let isFree = state.withLock { state in
        if state.isClosed || state.isFree(bound, byteBound) { return true }
        state.givers.append(giver)
        return false
      }
      if isFree { giver.resume() }
    }
  }

  /// The next event, as soon as there is one; nil once the mailbox is closed. To be called by one reader.
  package func next() async -> Event? {
    await withCheckedContinuation { reader in
      let (event, isOver, givers) = state.withLock { state -> (Event?, Bool, [CheckedContinuation<Void, Never>]) in
        if state.isClosed { return (nil, true, []) }
        guard state.count > 0 else {
          state.reader = reader
          return (nil, false, [])
        }
        let (event, bytes) = state.unread[state.read]
        state.read += 1
        state.bytes -= bytes
        if state.read == state.unread.count || state.read >= 1024 {
          state.unread.removeFirst(state.read)
          state.read = 0
        }
        guard state.isFree(bound, byteBound) else { return (event, false, []) }
        defer { state.givers = [] }
        return (event, false, state.givers)
      }
      for giver in givers { giver.resume() }
      if event != nil || isOver { reader.resume(returning: event) }
    }
  }

  /// Lets the reader and everyone who waits go; what is unread is dropped.
  package func close() {
    let (reader, givers) = state.withLock { state in
      state.isClosed = true
      state.unread = []
      (state.read, state.bytes) = (0, 0)
      defer { state.givers = [] }
      return (state.reader.take(), state.givers)
    }
    reader?.resume(returning: nil)
    for giver in givers { giver.resume() }
  }
}
