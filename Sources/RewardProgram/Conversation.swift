/// All that is decided about a reward program: when it starts and dies, what it is sent, what its lines mean to whom.
struct Conversation {
  typealias Instant = ContinuousClock.Instant
  typealias Outcome = Result<[Double], RewardProgramError>

  enum Event {
    case call(CallNumber, [RewardRequest])
    case cancel(CallNumber)
    case started
    case notStarted(RewardProgramError)
    /// A line of standard output.
    case answered(LineSplitter.Line)
    /// A line of standard error.
    case said(String)
    /// The program has closed its "input" or "output".
    case closed(String)
    /// All it wrote has been handed in before.
    case ended(ChildEnd)
    case stop
    /// Time has passed.
    case time
  }

  enum Action {
    /// `started` or `notStarted` comes next.
    case start
    case send([UInt8])
    case closeInput
    /// And read no more answers.
    case kill
    case finish(CallNumber, Outcome)
    case note(String)
    /// There will be no program any more.
    case over
  }

  private enum Program {
    case absent
    case running
    /// It has closed a stream, and is expected to end by itself.
    case leaving(by: Instant, RewardProgramError)
    /// Its input has ended, for good.
    case stopping(by: Instant)
    case killed(by: Instant)
  }

  private let limits: RewardProgramLimits
  private var program = Program.absent
  private var isStopped = false
  private var open = OpenCalls()
  private var budget: RestartBudget
  /// For a program, oldest first.
  private var waiting: [(number: CallNumber, requests: [RewardRequest])] = []
  private var startsAt: Instant?
  private var lastWords: [String] = []
  /// Why it was killed.
  private var verdict: RewardProgramError?
  /// What became of it last, as in "ended with exit code 1".
  private var history = "has not ended"

  init(_ limits: RewardProgramLimits) {
    self.limits = limits
    budget = RestartBudget(limits)
  }

  /// When `time` is to come at the latest.
  var wakesAt: Instant? {
    switch program {
    case .absent: startsAt
    case .running: open.due
    case .leaving(let by, _), .stopping(let by): [open.due, by].compactMap { $0 }.min()
    case .killed(let by): waiting.isEmpty && !isStopped ? nil : by
    }
  }

  mutating func receive(_ event: Event, at now: Instant) -> [Action] {
    switch event {
    case .call(let number, let requests): return take(number, requests, at: now)
    case .cancel(let number):
      open.forget(number)
      waiting.removeAll { $0.number == number }
      return []
    case .started:
      (program, lastWords, verdict) = (.running, [], nil)
      budget.started(at: now)
      defer { waiting = [] }
      return waiting.map { send($0.number, $0.requests, at: now) }
    case .notStarted(let error): return failWaiting(error)
    case .answered(let line): return read(line, at: now)
    case .said(let line):
      lastWords = (lastWords + [line]).suffix(RewardProgramLimits.lastWords)
      return []
    case .closed(let stream):
      guard case .running = program else { return [] }
      program = .leaving(by: now + RewardProgramLimits.lingering, .closed(stream))
      return []
    case .ended(let end): return ended(end, at: now)
    case .stop: return stop(at: now)
    case .time: return pass(now)
    }
  }

  // MARK: Calls

  private mutating func take(_ number: CallNumber, _ requests: [RewardRequest], at now: Instant) -> [Action] {
    if isStopped { return [.finish(number, .failure(.stopped))] }
    if case .running = program { return [send(number, requests, at: now)] }
    if case .killed(let by) = program, by <= now { return [.finish(number, .failure(.undying))] }
    waiting.append((number, requests))
    if case .absent = program { return plan(at: now) }
    return []
  }

  private mutating func send(_ number: CallNumber, _ requests: [RewardRequest], at now: Instant) -> Action {
    let first = open.open(number, requests: requests.count, due: now + limits.time)
    return .send(requests.enumerated().flatMap { $1.line(id: first + UInt64($0)) })
  }

  private mutating func read(_ line: LineSplitter.Line, at now: Instant) -> [Action] {
    switch program {
    case .running, .leaving: break
    case .absent, .stopping, .killed: return []
    }
    guard !line.isCut else {
      return kill(.notAnAnswer(line.bytes, "is longer than \(RewardProgramLimits.answerBytes) bytes"), at: now)
    }
    do throws(RewardProgramError) {
      switch open.receive(try RewardAnswer(line.bytes)) {
      case .more: return []
      case .complete(let call, let rewards): return [.finish(call, .success(rewards))]
      case .failed(let call, let error): return [.finish(call, .failure(error))]
      case .wrong(let what): return kill(.notAnAnswer(line.bytes, what), at: now)
      }
    } catch {
      return kill(error, at: now)
    }
  }

  private mutating func failOpen(_ error: RewardProgramError) -> [Action] {
    open.closeAll().map { .finish($0, .failure(error)) }
  }

  private mutating func failWaiting(_ error: RewardProgramError) -> [Action] {
    defer { (waiting, startsAt) = ([], nil) }
    return waiting.map { .finish($0.number, .failure(error)) }
  }

  // MARK: Life and death

  /// For the calls that wait.
  private mutating func plan(at now: Instant) -> [Action] {
    startsAt = nil
    guard !waiting.isEmpty else { return [] }
    switch budget.verdict(at: now) {
    case .now: return [.start]
    case .later(let instant):
      startsAt = instant
      return []
    case .exhausted(let until):
      return failWaiting(.exhausted(limits, wait: until.map { $0 - now }, history: history))
    }
  }

  private mutating func kill(_ error: RewardProgramError, at now: Instant) -> [Action] {
    program = .killed(by: now + RewardProgramLimits.dying)
    verdict = error
    // What nobody hears of otherwise.
    let note: [Action] = open.isEmpty ? [.note(error.message)] : []
    return [.kill] + note + failOpen(error)
  }

  private mutating func ended(_ end: ChildEnd, at now: Instant) -> [Action] {
    let words = lastWords.isEmpty ? "" : ", and said last: \(lastWords.joined(separator: " | "))"
    history = (verdict.map { "was killed (\($0.message))" } ?? "\(end)") + words
    program = .absent
    budget.ended(at: now)
    if isStopped { return [.over] }
    let note: [Action] = verdict == nil && open.isEmpty ? [.note("the reward program \(history) while nothing was asked")] : []
    return note + failOpen(.ended(history)) + plan(at: now)
  }

  private mutating func stop(at now: Instant) -> [Action] {
    guard !isStopped else { return [] }
    isStopped = true
    let finished = failOpen(.stopped) + failWaiting(.stopped)
    switch program {
    case .absent: return finished + [.over]
    case .killed: return finished
    case .running, .leaving, .stopping:
      program = .stopping(by: now + limits.farewell)
      return finished + [.closeInput]
    }
  }

  private mutating func pass(_ now: Instant) -> [Action] {
    switch program {
    case .absent:
      guard let startsAt, startsAt <= now else { return [] }
      return plan(at: now)
    case .leaving(let by, let error) where by <= now: return kill(error, at: now)
    case .running, .leaving:
      guard let overdue = open.overdue(at: now) else { return [] }
      return kill(.late(answers: overdue.answers, of: overdue.requests, after: limits.time), at: now)
    case .stopping(let by):
      guard by <= now else { return [] }
      program = .killed(by: now + RewardProgramLimits.dying)
      return [.kill]
    case .killed(let by):
      guard by <= now else { return [] }
      return isStopped ? [.over] : failWaiting(.undying)
    }
  }
}
