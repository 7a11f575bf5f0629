import Synchronization
import Testing

@testable import Dashboard

/// Keeps what is written.
private final class FakeOutput: ProgressOutput {
  let isTerminal: Bool
  let usesColor: Bool
  let usesUnicode = true
  let columns: Int
  private let written = Mutex("")

  init(isTerminal: Bool, usesColor: Bool = false, columns: Int = 80) {
    self.isTerminal = isTerminal
    self.usesColor = usesColor
    self.columns = columns
  }

  func write(_ text: String) { written.withLock { $0 += text } }

  var text: String { written.withLock { $0 } }

  /// What a terminal shows in the end: each clearing of the line starts it anew.
  var screen: [String] {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      String(line.split(separator: "\r\u{1B}[K", omittingEmptySubsequences: false).last ?? "")
    }
  }
}

private final class FakeClock: Sendable {
  private let time = Mutex(100.0)

  func advance(_ seconds: Double) { time.withLock { $0 += seconds } }

  var now: @Sendable () -> Double { { self.time.withLock { $0 } } }
}

@Suite("Progress")
struct TerminalProgressTests {
  private let clock = FakeClock()

  @Test("a terminal has one line, drawn over, with bar, numbers and time left")
  func terminal() {
    let output = FakeOutput(isTerminal: true)
    let progress = TerminalProgress(output: output, now: clock.now)
    let stage = progress.stage("warm start", total: 500)
    for done in 1...120 {
      clock.advance(0.1)
      stage.update(done: done, numbers: [("loss", 0.83), ("accuracy", 0.4)])
    }
    #expect(output.screen == ["warm start  ━━━━───────────────  120/500  loss 0.830  accuracy 0.400  38 s left"])
    #expect(output.screen[0].count < 80)
    stage.finish("accuracy 0.41")
    #expect(output.screen == ["warm start: accuracy 0.41 (12 s)", ""])
  }

  @Test("a terminal is not drawn more often than ten times a second, but the end always is")
  func redraws() {
    let output = FakeOutput(isTerminal: true)
    let stage = TerminalProgress(output: output, now: clock.now).stage("rollout", total: 1000)
    for done in 1...1000 {
      clock.advance(0.001)
      stage.update(done: done)
    }
    #expect(output.text.split(separator: "\r").count <= 12)
    #expect(output.screen.last?.hasSuffix("1000/1000") == true)
  }

  @Test("without a terminal there are plain lines each 5 s or each 10 %")
  func plain() {
    let output = FakeOutput(isTerminal: false)
    let stage = TerminalProgress(output: output, now: clock.now).stage("warm start", total: 500)
    for done in 1...100 {
      clock.advance(0.01)
      stage.update(done: done, numbers: [("loss", 1)])
    }
    clock.advance(6)
    stage.update(done: 101, numbers: [("loss", 0.5)])
    stage.finish()
    #expect(
      output.text == """
        warm start ...
        warm start: 50/500 (10 %), loss 1, 4.5 s left
        warm start: 100/500 (20 %), loss 1, 4.0 s left
        warm start: 101/500 (20 %), loss 0.500, 40 s left
        warm start: done (7.0 s)

        """)
    #expect(!output.text.contains("\u{1B}"))
  }

  @Test("a line that is printed in between stays above the bar")
  func printing() {
    let output = FakeOutput(isTerminal: true)
    let progress = TerminalProgress(output: output, now: clock.now)
    let stage = progress.stage("trust-grpo", total: 60)
    progress.print("worker-1 is gone; its lease is issued again")
    #expect(output.screen[0] == "worker-1 is gone; its lease is issued again")
    #expect(output.screen[1].hasPrefix("trust-grpo  ──"))
    stage.finish("done")
    stage.finish("again")
    stage.update(done: 3)
    #expect(output.screen.count == 3)
  }

  @Test("no line is wider than the terminal", arguments: [1, 10, 20, 33, 40, 60, 80, 200])
  func width(columns: Int) {
    let line = ProgressLine(
      name: "trust-grpo", done: 31, total: 60, numbers: [("outcome", 0.712), ("responses/s", 421.0)], secondsLeft: 14)
    let drawn = line.drawn(columns: columns, color: false, unicode: true)
    #expect(drawn.count < columns)
    if columns >= 80 { #expect(drawn.contains("31/60  outcome 0.712  responses/s 421  14 s left")) }
  }

  @Test("color only where it is wanted, and never with NO_COLOR")
  func color() {
    let line = ProgressLine(name: "data", done: 1, total: 2, numbers: [])
    #expect(line.drawn(columns: 80, color: true, unicode: true).contains("\u{1B}[32m"))
    #expect(!line.drawn(columns: 80, color: false, unicode: true).contains("\u{1B}"))
    #expect(!DescriptorOutput(environment: ["NO_COLOR": "1"]).usesColor)
  }

  @Test("the time left follows the rate of late")
  func timeLeft() throws {
    var left = TimeLeft(at: 0, memory: 10)
    #expect(left.seconds(until: 100) == nil)
    for second in 1...30 { left.update(done: second, at: Double(second)) }
    #expect(try abs(#require(left.seconds(until: 100)) - 70) < 1e-9)
    // Ten times as slow from here: after three times the memory the old rate is all but forgotten.
    for step in 1...3 { left.update(done: 30 + step, at: 30 + 10 * Double(step)) }
    let seconds = try #require(left.seconds(until: 100))
    #expect(seconds > 0.7 * 670 && seconds <= 670)
  }

  @Test("an unknown total shows a count alone")
  func unknownTotal() {
    let line = ProgressLine(name: "fetch", done: 12, total: nil, numbers: [])
    #expect(line.drawn(columns: 80, color: false, unicode: true) == "fetch  12")
    #expect(line.plain == "fetch: 12")
  }

  @Test("many tasks may report at once")
  func concurrent() async {
    let output = FakeOutput(isTerminal: true)
    let stage = TerminalProgress(output: output).stage("rollout", total: 4000)
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<4 {
        group.addTask { for done in 1...1000 { stage.update(done: 1000 * task + done) } }
      }
    }
    stage.finish()
    #expect(output.screen.count == 2)
  }

  @Test("numbers read as people write them", arguments: [
    (0.0, "0"), (0.83, "0.830"), (1.5, "1.50"), (3, "3"), (12.34, "12.3"), (421.4, "421"), (12800, "12,800"),
    (-0.25, "−0.250"), (0.0042, "0.0042"), (4e-5, "4.0e-05"), (.nan, "–"), (.infinity, "∞"), (1e30, "1.0e+30"),
  ])
  func numbers(value: Double, text: String) {
    #expect(Numbers.short(value) == text)
  }

  @Test("durations read as people write them", arguments: [
    (0.04, "0.0 s"), (8.44, "8.4 s"), (9.97, "10 s"), (59.4, "59 s"), (252, "4 min 12 s"), (7500, "2 h 5 min"), (-1, "–"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(Numbers.duration(seconds) == text)
  }
}
