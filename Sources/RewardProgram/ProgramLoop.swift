internal import CLinux
internal import Foundation
internal import Synchronization

/// The one thread that has to do with a program: it starts it, writes and reads, waits for its end, and keeps the time.
///
/// Sendable because `inbox` has its own lock, `wake` never changes, and everything marked "loop" is touched on the loop's
/// thread alone.
final class ProgramLoop: @unchecked Sendable {
  typealias Answer = CheckedContinuation<Conversation.Outcome, Never>

  enum Message: Sendable {
    case call(CallNumber, [RewardRequest], Answer)
    case cancel(CallNumber)
    case stop(CheckedContinuation<Void, Never>)
    /// Nobody can call or stop any more.
    case abandon
  }

  private struct Inbox {
    var messages: [Message] = []
    var isOver = false
  }

  private let command: [String]
  private let limits: RewardProgramLimits
  private let log: @Sendable (String) -> Void
  private let wake: Int32
  private let inbox = Mutex(Inbox())

  // Loop.
  private var conversation: Conversation
  private var child: ChildProcess?
  private var outgoing: ArraySlice<UInt8> = []
  private var answers = LineSplitter(limit: RewardProgramLimits.answerBytes)
  private var errors = LineSplitter(limit: RewardProgramLimits.logLineBytes)
  private let scratch = UnsafeMutableRawBufferPointer.allocate(
    byteCount: RewardProgramLimits.bytesReadAtOnce, alignment: 4096)
  private var callers: [CallNumber: Answer] = [:]
  private var stoppers: [CheckedContinuation<Void, Never>] = []
  private var isOver = false

  init(_ command: [String], _ limits: RewardProgramLimits, log: @escaping @Sendable (String) -> Void) {
    (self.command, self.limits, self.log) = (command, limits, log)
    conversation = Conversation(limits)
    // Without a descriptor for it, messages are seen late but seen.
    wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    let thread = Thread { self.run() }
    thread.name = "reward-program"
    thread.start()
  }

  deinit {
    scratch.deallocate()
    if wake >= 0 { close(wake) }
  }

  /// From anywhere.
  ///
  /// - Returns: false if the loop has ended; then nothing comes of the message.
  func post(_ message: Message) -> Bool {
    let isTaken = inbox.withLock { inbox in
      if !inbox.isOver { inbox.messages.append(message) }
      return !inbox.isOver
    }
    if isTaken { _ = eventfd_write(wake, 1) }
    return isTaken
  }

  // MARK: On the loop's thread only

  private func run() {
    // Writing to a program that has gone raises it in the thread that writes.
    var brokenPipe = sigset_t()
    sigemptyset(&brokenPipe)
    sigaddset(&brokenPipe, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &brokenPipe, nil)
    while !isOver { turn() }
    child = nil
    let left = inbox.withLock { inbox in
      inbox.isOver = true
      return inbox.messages
    }
    for message in left { handle(message) }
    for stopper in stoppers { stopper.resume() }
  }

  private func turn() {
    var streams = [
      pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
      pollfd(fd: child?.ending ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: child?.output ?? -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: child?.errors ?? -1, events: Int16(POLLIN), revents: 0),
      // Without events, a pipe that nobody reads any more is told of all the same.
      pollfd(fd: child?.input ?? -1, events: outgoing.isEmpty ? 0 : Int16(POLLOUT), revents: 0),
    ]
    poll(&streams, nfds_t(streams.count), pause)
    let isReady = streams.map { $0.revents != 0 }
    if isReady[0] {
      var count: eventfd_t = 0
      _ = eventfd_read(wake, &count)
    }
    let messages = inbox.withLock { inbox in
      defer { inbox.messages = [] }
      return inbox.messages
    }
    // Before messages, which may start another program.
    if isReady[3] || isReady[1] { readErrors() }
    if isReady[2] || isReady[1] { readAnswers() }
    if isReady[4] { write() }
    if isReady[1] { reap() }
    for message in messages { handle(message) }
    receive(.time)
  }

  /// Milliseconds for `poll`, rounded up, so that there is something to do after.
  private var pause: Int32 {
    let longest: Int32 = wake < 0 ? 50 : 60_000
    guard let instant = conversation.wakesAt else { return longest }
    let left = max(.zero, min(instant - .now, .milliseconds(longest - 1)))
    return Int32(left / .milliseconds(1)) + 1
  }

  private func handle(_ message: Message) {
    switch message {
    case .call(let number, let requests, let caller):
      callers[number] = caller
      receive(.call(number, requests))
    case .cancel(let number):
      callers.removeValue(forKey: number)?.resume(returning: .failure(.cancelled))
      receive(.cancel(number))
    case .stop(let stopper):
      stoppers.append(stopper)
      receive(.stop)
    case .abandon:
      child?.kill()
      receive(.stop)
    }
  }

  private func receive(_ event: Conversation.Event) {
    for action in conversation.receive(event, at: .now) { perform(action) }
  }

  private func perform(_ action: Conversation.Action) {
    switch action {
    case .start: start()
    case .send(let bytes): outgoing += bytes
    case .closeInput:
      outgoing = []
      child?.closeInput()
    case .kill:
      child?.kill()
      child?.closeOutput()
      outgoing = []
    case .finish(let number, let outcome): callers.removeValue(forKey: number)?.resume(returning: outcome)
    case .note(let text): log(text)
    case .over: isOver = true
    }
  }

  private func start() {
    do throws(RewardProgramError) {
      child = try ChildProcess(command, memoryBytes: limits.memoryBytes)
      outgoing = []
      answers = LineSplitter(limit: RewardProgramLimits.answerBytes)
      errors = LineSplitter(limit: RewardProgramLimits.logLineBytes)
      receive(.started)
    } catch {
      receive(.notStarted(error))
    }
  }

  private func reap() {
    guard let ended = child.take() else { return }
    outgoing = []
    if let line = errors.end() { say(line) }
    if let line = answers.end() { receive(.answered(line)) }
    receive(.ended(ended.reap()))
  }

  // MARK: Streams

  private func write() {
    guard let input = child?.input, input >= 0 else { return }
    while !outgoing.isEmpty {
      let count = outgoing.withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return }
      guard count >= 0 else { return closeInput() }
      outgoing.removeFirst(count)
    }
    // Ready without anything to write: nobody reads.
    outgoing = []
    var stream = pollfd(fd: input, events: 0, revents: 0)
    if poll(&stream, 1, 0) > 0 { closeInput() }
  }

  private func closeInput() {
    outgoing = []
    child?.closeInput()
    receive(.closed("input"))
  }

  private func readAnswers() {
    guard let output = child?.output, output >= 0 else { return }
    for _ in 0..<RewardProgramLimits.readsInTurn {
      switch read(output) {
      case .bytes(let bytes):
        for line in answers.add(bytes) { receive(.answered(line)) }
      case .nothing: return
      case .end:
        child?.closeOutput()
        if let line = answers.end() { receive(.answered(line)) }
        return receive(.closed("output"))
      }
      // A line may have been its last.
      guard child?.output == output else { return }
    }
  }

  private func readErrors() {
    guard let stream = child?.errors, stream >= 0 else { return }
    for _ in 0..<RewardProgramLimits.readsInTurn {
      switch read(stream) {
      case .bytes(let bytes):
        for line in errors.add(bytes) { say(line) }
      case .nothing: return
      case .end:
        child?.closeErrors()
        if let line = errors.end() { say(line) }
        return
      }
    }
  }

  private func say(_ line: LineSplitter.Line) {
    let text = String(decoding: line.bytes, as: UTF8.self) + (line.isCut ? "…" : "")
    log(text)
    receive(.said(text))
  }

  private enum Read {
    case bytes(UnsafeRawBufferPointer)
    case nothing
    case end
  }

  private func read(_ descriptor: Int32) -> Read {
    while true {
      let count = Glibc.read(descriptor, scratch.baseAddress, scratch.count)
      if count > 0 { return .bytes(UnsafeRawBufferPointer(rebasing: scratch[..<count])) }
      if count < 0, errno == EINTR { continue }
      return count < 0 && errno == EAGAIN ? .nothing : .end
    }
  }
}
