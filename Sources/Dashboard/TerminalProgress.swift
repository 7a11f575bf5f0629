internal import RunStore
internal import Synchronization

/// Shows how far the stages of a run are: one line that is drawn over on a terminal, lines now and then elsewhere.
///
/// Safe to call from any task. The cursor is never hidden and every write ends in a clean state, so that a process that
/// is killed leaves the terminal usable.
package final class TerminalProgress: Sendable {
  private let output: any ProgressOutput
  private let now: @Sendable () -> Double
  /// What is drawn on the terminal's last line; nil if nothing is.
  private let drawn: Mutex<ProgressLine?>

  /// - Parameter now: seconds on a monotonic clock.
  package init(
    output: any ProgressOutput = DescriptorOutput(), now: @escaping @Sendable () -> Double = RunClock.system.monotonic
  ) {
    self.output = output
    self.now = now
    drawn = Mutex(nil)
  }

  /// Begins a stage of `total` things; nil if their number is not known.
  package func stage(_ name: String, total: Int? = nil) -> Stage {
    let stage = Stage(name: name, total: total, progress: self, now: now())
    if output.isTerminal {
      draw(ProgressLine(name: name, done: 0, total: total, numbers: []))
    } else {
      print("\(name) ...")
    }
    return stage
  }

  /// Writes a line that stays.
  package func print(_ line: String) {
    drawn.withLock { drawn in
      output.write((drawn == nil ? "" : Self.clear) + line + "\n")
      if let drawn { output.write(text(of: drawn)) }
    }
  }

  /// One stage of a run.
  package final class Stage: Sendable {
    package let name: String
    package let total: Int?
    private let progress: TerminalProgress
    private let state: Mutex<State>

    private struct State {
      let began: Double
      var timeLeft: TimeLeft
      var shownAt: Double
      /// Tenths of the whole that had been reached when a line was last shown.
      var shownTenth = 0
      var isFinished = false
    }

    fileprivate init(name: String, total: Int?, progress: TerminalProgress, now: Double) {
      self.name = name
      self.total = total
      self.progress = progress
      state = Mutex(State(began: now, timeLeft: TimeLeft(at: now), shownAt: now))
    }

    /// Says how much is done, with the numbers that matter now.
    package func update(done: Int, numbers: [(String, Double)] = []) {
      let now = progress.now()
      let line = state.withLock { state -> ProgressLine? in
        guard !state.isFinished else { return nil }
        state.timeLeft.update(done: done, at: now)
        let line = ProgressLine(
          name: name, done: done, total: total, numbers: numbers.map { (name: $0.0, value: $0.1) },
          secondsLeft: total.flatMap { state.timeLeft.seconds(until: $0) })
        let tenth = Int(10 * (line.share ?? 0))
        let isDue =
          progress.output.isTerminal
          ? now - state.shownAt >= TerminalProgress.redrawInterval || done == total
          : now - state.shownAt >= TerminalProgress.lineInterval || tenth > state.shownTenth
        guard isDue else { return nil }
        state.shownAt = now
        state.shownTenth = max(tenth, state.shownTenth)
        return line
      }
      guard let line else { return }
      if progress.output.isTerminal { progress.draw(line) } else { progress.print(line.plain) }
    }

    /// Ends the stage; `message` and the time it took stay on the screen.
    package func finish(_ message: String = "") {
      let now = progress.now()
      let seconds = state.withLock { state -> Double? in
        guard !state.isFinished else { return nil }
        state.isFinished = true
        return now - state.began
      }
      guard let seconds else { return }
      progress.end("\(name): \(message.isEmpty ? "done" : message) (\(Numbers.duration(seconds)))")
    }
  }

  /// Ten frames a second look alive; more only cost time.
  fileprivate static let redrawInterval = 0.1
  fileprivate static let lineInterval = 5.0
  private static let clear = "\r\u{1B}[K"

  fileprivate func draw(_ line: ProgressLine) {
    drawn.withLock { drawn in
      drawn = line
      output.write(text(of: line))
    }
  }

  fileprivate func end(_ line: String) {
    drawn.withLock { drawn in
      output.write((drawn == nil ? "" : Self.clear) + line + "\n")
      drawn = nil
    }
  }

  private func text(of line: ProgressLine) -> String {
    Self.clear + line.drawn(columns: output.columns, color: output.usesColor, unicode: output.usesUnicode)
  }
}
