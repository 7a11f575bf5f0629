internal import ActionableErrors
internal import Foundation
internal import Rollout
internal import Synchronization

/// Runs a `ClusterView` in a terminal: asks the learner, reads keys, draws.
package final class LiveCluster: Sendable {
  private enum Event: Sendable {
    case key(TerminalKey)
    case cluster(ClusterSnapshot)
    case trouble(String)
    case story(UnitStory)
    case noStory(UnitID, String)
    /// Time has passed, or the window has another size.
    case turn
    case stop
  }

  private let observer: any ClusterObserver
  private let terminal = RawTerminal()
  private let output = DescriptorOutput(descriptor: RawTerminal.output)
  private let events: AsyncStream<Event>
  private let give: AsyncStream<Event>.Continuation
  /// The unit whose story is asked for.
  private let unit = Mutex<UnitID?>(nil)
  private let isOver = Atomic(false)

  package init(observer: any ClusterObserver) {
    self.observer = observer
    (events, give) = AsyncStream.makeStream()
  }

  /// From any thread; `run` returns.
  package func stop() { give.yield(.stop) }

  /// Until it is quit or stopped. The terminal is left as it was.
  ///
  /// - Parameter now: seconds since 1970.
  package func run(
    _ start: ClusterView, now: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
  ) async {
    var view = start
    var screen = ClusterScreen()
    terminal.enter()
    let asking = Task { await ask() }
    let turning = Task { await turn() }
    let signals = [SIGHUP: Event.stop, SIGQUIT: .stop, SIGWINCH: .turn].map(watch)
    Thread(block: { [self] in readKeys() }).start()
    defer {
      isOver.store(true, ordering: .relaxed)
      asking.cancel()
      turning.cancel()
      for signal in signals { signal.cancel() }
      terminal.leave()
    }
    for await event in events {
      switch event {
      case .stop: return
      case .turn: break
      case .cluster(let snapshot): view.receive(snapshot, at: now())
      case .trouble(let trouble): view.receive(trouble: trouble)
      case .story(let story): view.receive(story)
      case .noStory(let unit, let trouble): view.receive(trouble: trouble, with: unit)
      case .key(let key):
        for action in view.receive(key) {
          switch action {
          case .quit: return
          case .suspend:
            terminal.suspend()
            screen.forget()
          case .redraw: screen.forget()
          }
        }
        unit.withLock { $0 = view.unit }
      }
      let size = terminal.size
      view.resize(columns: size.columns, rows: size.rows)
      output.write(
        screen.frame(view.lines(at: now()), columns: size.columns, color: output.usesColor, unicode: output.usesUnicode))
    }
  }

  // MARK: What events come from

  private static let pause = Duration.milliseconds(500)

  private func ask() async {
    while !Task.isCancelled {
      do {
        give.yield(.cluster(try await observer.cluster()))
      } catch {
        give.yield(.trouble(Self.text(of: error)))
      }
      if let unit = unit.withLock({ $0 }) {
        do {
          give.yield(.story(try await observer.story(of: unit)))
        } catch {
          give.yield(.noStory(unit, Self.text(of: error)))
        }
      }
      try? await Task.sleep(for: Self.pause)
    }
  }

  /// What is shown of silence grows while nobody answers.
  private func turn() async {
    while !Task.isCancelled {
      give.yield(.turn)
      try? await Task.sleep(for: Self.pause)
    }
  }

  private func watch(_ number: Int32, event: Event) -> any DispatchSourceSignal {
    if number != SIGWINCH { signal(number, SIG_IGN) }
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler { [give] in give.yield(event) }
    source.resume()
    return source
  }

  /// On a thread of its own, which sees within a fifth of a second that it is to end.
  private func readKeys() {
    var keys = TerminalKeys()
    var bytes = [UInt8](repeating: 0, count: 1024)
    while !isOver.load(ordering: .relaxed) {
      var waiting = pollfd(fd: RawTerminal.input, events: Int16(POLLIN), revents: 0)
      // The rest of an arrow key comes at once or never.
      let count = poll(&waiting, 1, keys.isHolding ? 50 : 200)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        for key in keys.pause() { give.yield(.key(key)) }
        continue
      }
      let received = read(RawTerminal.input, &bytes, bytes.count)
      if received < 0, errno == EINTR || errno == EAGAIN { continue }
      // The terminal is gone.
      guard received > 0 else { return stop() }
      for key in keys.receive(bytes[..<received]) { give.yield(.key(key)) }
    }
  }

  private static func text(of error: any Error) -> String {
    (error as? any ActionableError)?.description ?? "\(error)"
  }
}
