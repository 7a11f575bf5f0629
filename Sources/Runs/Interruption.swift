internal import Dispatch
internal import Foundation
internal import Synchronization

/// Turns SIGINT and SIGTERM into a request to stop in good order. A second one ends the process at once.
package final class Interruption: Sendable {
  private struct State {
    var signal: Int32?
    var observers: [@Sendable (String) -> Void] = []
  }

  private let state = Mutex(State())

  /// From here on, for as long as the process lives, the signals come here.
  package init() {
    let queue = DispatchQueue(label: "signals")
    for number in [SIGINT, SIGTERM] {
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      // The handler holds its source, and so keeps it.
      source.setEventHandler {
        withExtendedLifetime(source) { self.received(number) }
      }
      source.resume()
    }
  }

  /// Whether it is time to stop; asked between two steps of long work.
  package var isRequested: Bool { state.withLock { $0.signal != nil } }

  /// `observer` is told the reason, once; at once if a signal came before.
  package func onRequest(_ observer: @escaping @Sendable (String) -> Void) {
    let already = state.withLock { state in
      if state.signal == nil { state.observers.append(observer) }
      return state.signal
    }
    if let already { observer(Self.reason(already)) }
  }

  private func received(_ number: Int32) {
    let observers: [@Sendable (String) -> Void]? = state.withLock { state in
      guard state.signal == nil else { return nil }
      state.signal = number
      return state.observers
    }
    guard let observers else { exit(128 + number) }
    for observer in observers { observer(Self.reason(number)) }
  }

  private static func reason(_ number: Int32) -> String {
    number == SIGINT ? "interrupted (Ctrl-C)" : "asked to terminate"
  }
}

/// Stops a role that `sophia train` started when that process is gone, however it went.
package func watchParent(_ pid: Int32, onGone: @escaping @Sendable () -> Void) -> Task<Void, Never> {
  Task {
    while !Task.isCancelled {
      guard getppid() == pid else { return onGone() }
      try? await Task.sleep(for: .milliseconds(500))
    }
  }
}
