internal import CLinux
internal import CZeroMQ
internal import Foundation
internal import Synchronization

/// What the loop needs to know of a socket, whatever its pattern.
protocol PolledSocket: AnyObject {
  /// Nil once closed.
  var handle: UnsafeMutableRawPointer? { get }
  /// `ZMQ_POLLIN` and `ZMQ_POLLOUT` as wanted now.
  var interest: Int32 { get }
  var hasQueued: Bool { get }
  /// The socket can do some of what it was interested in. Does a bounded amount of it.
  func ready(_ events: Int32)
  /// Tries again what a target could not take.
  func retry()
  /// - Parameter linger: in place of the socket's own.
  func close(linger: Duration?)
}

/// The thread behind a `PollLoop`. It holds itself while it runs, so the loop may be let go of by one of its own jobs.
///
/// Sendable because `inbox` has its own lock and everything marked "loop" is touched on the loop's thread alone, which
/// `PollLoop`'s callers are checked for.
final class PollLoopThread: SerialExecutor, @unchecked Sendable {
  enum Work {
    case job(UnownedJob)
    case closure(@Sendable () -> Void)
  }

  private struct Inbox {
    var work: [Work] = []
    /// The eventfd has been written to and not read since.
    var isWaking = false
    var isFinishing = false
  }

  /// Jobs between two polls: enough to spread the cost of a poll, few enough to keep sockets alive.
  private static let jobsInTurn = 256
  private static let timersInTurn = 64

  private let context: ZeroMQContext
  private let wakeDescriptor: Int32
  private let inbox = Mutex(Inbox())
  private let threadID = Atomic<UInt>(0)

  // Loop.
  private var sockets: [any PolledSocket] = []
  private var backlog: ArraySlice<Work> = []
  private var timers = TimerQueue()
  private var stopping: Stopping?
  private var stopped: Result<Void, ZeroMQError>?

  private struct Stopping {
    let deadline: ContinuousClock.Instant
    var waiters: [(Result<Void, ZeroMQError>) -> Void]
  }

  init(context: ZeroMQContext) throws(ZeroMQError) {
    self.context = context
    wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
    guard wakeDescriptor >= 0 else {
      throw ZeroMQError(
        code: "too-many-open", message: "cannot open an eventfd: \(String(cString: strerror(errno)))",
        advice: "raise the limit on open files (ulimit -n)")
    }
  }

  deinit {
    Foundation.close(wakeDescriptor)
  }

  func start(name: String) {
    let thread = Thread {
      name_this_thread(name)
      self.run()
    }
    thread.start()
  }

  /// Ends the thread when it has no more jobs.
  func finish() {
    inbox.withLock { $0.isFinishing = true }
    wake()
  }

  // MARK: Executor

  func enqueue(_ job: consuming ExecutorJob) {
    add(.job(UnownedJob(job)))
  }

  func checkIsolated() {
    precondition(isCurrent, "must be called on the poll loop's thread")
  }

  var isCurrent: Bool { threadID.load(ordering: .relaxed) == UInt(pthread_self()) }

  func add(_ work: Work) {
    let mustWake = inbox.withLock { inbox in
      inbox.work.append(work)
      // The loop looks at its inbox before it waits, so work from its own thread needs no wake-up.
      guard !inbox.isWaking, !isCurrent else { return false }
      inbox.isWaking = true
      return true
    }
    if mustWake { wake() }
  }

  private func wake() {
    var one: UInt64 = 1
    // Fails only when the count is at its maximum, and then the loop is awake anyway.
    _ = Foundation.write(wakeDescriptor, &one, MemoryLayout.size(ofValue: one))
  }

  // MARK: Loop

  func add(_ socket: any PolledSocket) {
    checkIsolated()
    if stopping != nil || stopped != nil { socket.close(linger: nil) } else { sockets.append(socket) }
  }

  func remove(_ socket: any PolledSocket) {
    checkIsolated()
    sockets.removeAll { $0 === socket }
  }

  func schedule(at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void) -> PollTimer {
    checkIsolated()
    return timers.add(at: deadline, body)
  }

  func cancel(_ timer: PollTimer) {
    checkIsolated()
    timers.remove(timer)
  }

  func stop(within grace: Duration, then waiter: @escaping (Result<Void, ZeroMQError>) -> Void) {
    if let stopped {
      waiter(stopped)
    } else if stopping != nil {
      stopping?.waiters.append(waiter)
    } else {
      stopping = Stopping(deadline: .now + grace, waiters: [waiter])
    }
  }

  private func run() {
    threadID.store(UInt(pthread_self()), ordering: .relaxed)
    while true {
      poll()
      for timer in timers.due(at: .now, limit: Self.timersInTurn) { timer() }
      runJobs()
      if stopping != nil { finishStopping() }
      if inbox.withLock({ $0.isFinishing && $0.work.isEmpty }), backlog.isEmpty { break }
    }
    closeSockets(linger: nil)
  }

  private func poll() {
    var items = [zmq_pollitem_t(socket: nil, fd: wakeDescriptor, events: Int16(ZMQ_POLLIN), revents: 0)]
    var polled: [any PolledSocket] = []
    for socket in sockets {
      let interest = socket.interest
      guard let handle = socket.handle, interest != 0 else { continue }
      polled.append(socket)
      items.append(zmq_pollitem_t(socket: handle, fd: 0, events: Int16(interest), revents: 0))
    }
    guard zmq_poll(&items, Int32(items.count), patience) > 0 else { return }
    if items[0].revents != 0 {
      var count: UInt64 = 0
      _ = Foundation.read(wakeDescriptor, &count, MemoryLayout.size(ofValue: count))
      inbox.withLock { $0.isWaking = false }
    }
    for (item, socket) in zip(items.dropFirst(), polled) where item.revents != 0 {
      // What ran before may have closed it.
      if socket.handle != nil { socket.ready(Int32(item.revents)) }
    }
  }

  /// Milliseconds that the next poll may wait.
  private var patience: Int {
    if !backlog.isEmpty || inbox.withLock({ !$0.work.isEmpty || $0.isFinishing }) { return 0 }
    guard let wakeAt = [timers.next, stopping?.deadline].compactMap(\.self).min() else { return -1 }
    return Int(max(.zero, wakeAt - .now).milliseconds)
  }

  private func runJobs() {
    if backlog.isEmpty {
      backlog = inbox.withLock { inbox in
        let work = inbox.work
        inbox.work = []
        return work[...]
      }
    }
    for _ in 0..<Self.jobsInTurn {
      guard let work = backlog.popFirst() else { return }
      switch work {
      case .job(let job): job.runSynchronously(on: asUnownedSerialExecutor())
      case .closure(let body): body()
      }
    }
  }

  private func finishStopping() {
    guard let stopping, !sockets.contains(where: \.hasQueued) || stopping.deadline <= .now else { return }
    closeSockets(linger: max(.zero, stopping.deadline - .now))
    let result = Result { () throws(ZeroMQError) in try context.terminate() }
    stopped = result
    self.stopping = nil
    for waiter in stopping.waiters { waiter(result) }
  }

  /// In reverse order, so that the authenticator, which comes first, goes last.
  private func closeSockets(linger: Duration?) {
    for socket in sockets.reversed() { socket.close(linger: linger) }
    sockets = []
  }
}
