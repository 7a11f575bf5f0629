@testable import RewardProgram
import Testing

@Suite("lines out of bytes")
struct LineSplitterTests {
  private static let text = "a\n\nbcd\nlonger than that\nfive5\nsixsix\nend"

  @Test("are the same in whatever pieces the bytes come", arguments: [1, 2, 3, 7, 100])
  func pieces(size: Int) {
    var splitter = LineSplitter(limit: 5)
    var lines: [LineSplitter.Line] = []
    var rest = Array(Self.text.utf8)[...]
    while !rest.isEmpty {
      rest.prefix(size).withUnsafeBytes { lines += splitter.add($0) }
      rest = rest.dropFirst(size)
    }
    lines += splitter.end().map { [$0] } ?? []
    #expect(
      lines.map { String(decoding: $0.bytes, as: UTF8.self) + ($0.isCut ? "…" : "") }
        == ["a", "", "bcd", "longe…", "five5", "sixsi…", "end"])
    #expect(splitter.end() == nil)
  }
}

@Suite("the restarts of a program")
struct RestartBudgetTests {
  @Test("wait twice as long each time, are so many in a window, and come back as it moves on")
  func window() {
    let start = ContinuousClock.now
    var budget = RestartBudget(
      RewardProgramLimits(
        time: .seconds(1), memoryBytes: nil, restarts: 4, window: .seconds(60), firstDelay: .seconds(1),
        longestDelay: .seconds(3)))
    #expect(budget.verdict(at: start) == .now)
    budget.started(at: start)
    var now = start
    for delay in [1, 2, 3, 3] {
      budget.ended(at: now)
      #expect(budget.verdict(at: now) == .later(now + .seconds(delay)))
      now += .seconds(delay)
      #expect(budget.verdict(at: now) == .now)
      budget.started(at: now)
    }
    budget.ended(at: now)
    #expect(budget.verdict(at: now) == .exhausted(start + .seconds(61)))
    #expect(budget.verdict(at: start + .seconds(61)) == .now)
  }

  @Test("may be none")
  func none() {
    let start = ContinuousClock.now
    var budget = RestartBudget(RewardProgramLimits(time: .seconds(1), memoryBytes: nil, restarts: 0))
    budget.started(at: start)
    budget.ended(at: start)
    #expect(budget.verdict(at: start + .seconds(1_000_000)) == .exhausted(nil))
  }
}

@Suite("a conversation")
struct ConversationTests {
  private let limits = RewardProgramLimits(
    time: .seconds(5), memoryBytes: nil, restarts: 1, window: .seconds(60), firstDelay: .seconds(1))
  private let start = ContinuousClock.now

  @Test("that is killed by one call fails the others, and those that came since wait for the next program")
  func waits() {
    var conversation = Conversation(limits)
    #expect(text(conversation.receive(.call(1, requests(["a"])), at: start)) == ["start"])
    #expect(text(conversation.receive(.started, at: start)) == ["send 1"])
    #expect(text(conversation.receive(.call(2, requests(["b", "c"])), at: start + .seconds(1))) == ["send 2,3"])
    #expect(conversation.wakesAt == start + .seconds(5))
    #expect(
      text(conversation.receive(.time, at: start + .seconds(5)))
        == ["kill", "1 reward-program.late", "2 reward-program.late"])
    #expect(text(conversation.receive(.call(3, requests(["d"])), at: start + .seconds(6))) == [])
    // A program that is dead may have written what has not been read.
    #expect(text(conversation.receive(.answered(answer(4)), at: start + .seconds(6))) == [])
    #expect(text(conversation.receive(.ended(.killed(signal: 9)), at: start + .seconds(7))) == [])
    #expect(conversation.wakesAt == start + .seconds(8))
    #expect(text(conversation.receive(.time, at: start + .seconds(8))) == ["start"])
    #expect(text(conversation.receive(.started, at: start + .seconds(8))) == ["send 4"])
    #expect(text(conversation.receive(.answered(answer(4)), at: start + .seconds(9))) == ["3 0.5"])
    #expect(conversation.wakesAt == nil)
  }

  @Test("has nothing to wake up for when the call that waits for a restart is cancelled")
  func cancelledWait() {
    var conversation = Conversation(limits)
    _ = conversation.receive(.call(1, requests(["a"])), at: start)
    _ = conversation.receive(.started, at: start)
    #expect(text(conversation.receive(.ended(.exited(1)), at: start)) == ["1 reward-program.ended"])
    #expect(text(conversation.receive(.call(2, requests(["b"])), at: start)) == [])
    #expect(text(conversation.receive(.cancel(2), at: start)) == [])
    #expect(text(conversation.receive(.time, at: start + .seconds(1))) == [])
    #expect(conversation.wakesAt == nil)
  }

  @Test("does not wait for ever for a program that SIGKILL does not end")
  func undying() {
    var conversation = Conversation(limits)
    _ = conversation.receive(.call(1, requests(["a"])), at: start)
    _ = conversation.receive(.started, at: start)
    _ = conversation.receive(.time, at: start + .seconds(5))
    #expect(text(conversation.receive(.call(2, requests(["b"])), at: start + .seconds(6))) == [])
    #expect(conversation.wakesAt == start + .seconds(15))
    #expect(text(conversation.receive(.time, at: start + .seconds(15))) == ["2 reward-program.undying"])
    #expect(text(conversation.receive(.call(3, requests(["c"])), at: start + .seconds(16))) == ["3 reward-program.undying"])
    #expect(text(conversation.receive(.stop, at: start + .seconds(17))) == [])
    #expect(text(conversation.receive(.time, at: start + .seconds(17))) == ["over"])
  }

  private func answer(_ id: Int) -> LineSplitter.Line {
    LineSplitter.Line(bytes: Array("{\"id\":\(id),\"reward\":0.5}".utf8), isCut: false)
  }

  /// Actions in short; of requests, the ids.
  private func text(_ actions: [Conversation.Action]) -> [String] {
    actions.map { action in
      switch action {
      case .start: "start"
      case .send(let bytes):
        "send "
          + String(decoding: bytes, as: UTF8.self).split(separator: "\n").map { line in
            String(line.dropFirst("{\"id\":".count).prefix { $0 != "," })
          }.joined(separator: ",")
      case .closeInput: "close input"
      case .kill: "kill"
      case .finish(let call, .success(let rewards)): "\(call) \(rewards.map { "\($0)" }.joined(separator: ","))"
      case .finish(let call, .failure(let error)): "\(call) \(error.code)"
      case .note(let text): "note \(text)"
      case .over: "over"
      }
    }
  }
}
