internal import Synchronization

/// Says twenty times a second that time has passed, to everyone in this process with one timer: a timer for each of hundreds of
/// roles would cost more than what they do with it.
final class Ticker: Sendable {
  struct Listener: Sendable, Hashable {
    fileprivate let number: Int
  }

  private struct State {
    var listeners: [Listener: @Sendable () -> Void] = [:]
    var count = 0
    var task: Task<Void, Never>?
  }

  static let shared = Ticker()
  private static let interval = Duration.milliseconds(50)
  private let state = Mutex(State())

  /// - Parameter listener: must return at once.
  func add(_ listener: @escaping @Sendable () -> Void) -> Listener {
    state.withLock { state in
      state.count += 1
      let key = Listener(number: state.count)
      state.listeners[key] = listener
      if state.task == nil { state.task = Task { await self.tick() } }
      return key
    }
  }

  func remove(_ key: Listener) {
    state.withLock { state in
      state.listeners[key] = nil
      guard state.listeners.isEmpty else { return }
      state.task?.cancel()
      state.task = nil
    }
  }

  private func tick() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      guard !Task.isCancelled else { return }
      for listener in state.withLock({ Array($0.listeners.values) }) { listener() }
    }
  }
}
