internal import Dispatch
internal import Foundation
internal import Synchronization

/// Turns SIGINT and SIGTERM into a request to stop in good order. A second one ends the process at once; but SIGTERM that
/// follows on SIGTERM within a moment is the same request: Slurm sends it twice when it pre-empts a job.
package final class Interruption: Sendable {
  private struct State {
    var signal: Int32?
    var receivedAt: ContinuousClock.Instant?
    var observers: [Observer: @Sendable (String) -> Void] = [:]
    var lastObserver = 0
  }

  /// By which what observes is told apart.
  package struct Observer: Sendable, Hashable, Comparable {
    fileprivate let number: Int

    package static func < (one: Observer, other: Observer) -> Bool { one.number < other.number }
  }

  private let state = Mutex(State())
  private static let moment = Duration.seconds(2)

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
  @discardableResult
  package func onRequest(_ observer: @escaping @Sendable (String) -> Void) -> Observer {
    let (already, number) = state.withLock { state in
      state.lastObserver += 1
      let number = Observer(number: state.lastObserver)
      if state.signal == nil { state.observers[number] = observer }
      return (state.signal, number)
    }
    if let already { observer(Self.reason(already)) }
    return number
  }

  /// Lets go of what an observer holds, where the process outlives what it was for.
  package func forget(_ observer: Observer) {
    state.withLock { $0.observers[observer] = nil }
  }

  private func received(_ number: Int32) {
    let now = ContinuousClock.now
    let observers: [@Sendable (String) -> Void]? = state.withLock { state in
      if let first = state.signal, let receivedAt = state.receivedAt {
        return first == SIGTERM && number == SIGTERM && now - receivedAt < Self.moment ? [] : nil
      }
      state.signal = number
      state.receivedAt = now
      return state.observers.sorted { $0.key < $1.key }.map(\.value)
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
