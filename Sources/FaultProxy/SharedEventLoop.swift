internal import Synchronization

/// The event loop of the process, which is there while there are links.
enum SharedEventLoop {
  private struct State {
    var loop: EventLoop?
    var links = 0
    var made: UInt64 = 0
  }

  private static let state = Mutex(State())

  /// - Returns: the loop, and a number for a new link.
  static func join() throws(FaultProxyError) -> (EventLoop, number: UInt64) {
    try state.withLock { state throws(FaultProxyError) in
      let loop: EventLoop = if let loop = state.loop { loop } else { try EventLoop() }
      state.loop = loop
      state.links += 1
      state.made += 1
      return (loop, state.made)
    }
  }

  /// The link is closed. The last one ends the thread.
  static func leave() {
    state.withLock { state in
      state.links -= 1
      guard state.links == 0 else { return }
      state.loop?.finish()
      state.loop = nil
    }
  }
}
