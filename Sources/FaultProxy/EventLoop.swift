internal import CLinux
internal import Foundation
internal import Synchronization

/// What has a descriptor in the loop.
protocol Polled: AnyObject {
  /// - Parameters:
  ///   - events: `EPOLLIN` and the like.
  ///   - tag: which of its descriptors.
  func ready(_ events: UInt32, tag: Int)
}

/// What the loop calls again later.
protocol Resumable: AnyObject {
  func resume(tag: Int)
}

/// The one thread behind all links: sockets, timers and the calls of `FaultLink`.
///
/// Sendable because `inbox` has its own lock, the descriptors never change, and everything marked "loop" is touched on the
/// loop's thread alone: `perform` brings others' work there.
final class EventLoop: @unchecked Sendable {
  private struct Inbox {
    var work: [@Sendable () -> Void] = []
    var isFinishing = false
  }

  private enum Token {
    static let wake: UInt64 = 0
    static let timer: UInt64 = 1
    static let first: UInt64 = 2
  }

  private static let eventsAtOnce = 256

  private let poll: Int32
  private let wake: Int32
  private let timer: Int32
  private let inbox = Mutex(Inbox())
  private let hasEnded = DispatchSemaphore(value: 0)

  // Loop.
  /// Where sockets are read into, for one call after another.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: LinkLimits.bytesReadAtOnce, alignment: 4096)
  private var links: [UInt64: Link] = [:]
  private var polled: [UInt64: (target: any Polled, tag: Int)] = [:]
  private var nextToken = Token.first
  private var deadlines = Deadlines()
  private var armedFor: MonotonicInstant?
  private var soon: [(target: any Resumable, tag: Int)] = []

  init() throws(FaultProxyError) {
    let descriptors = [
      epoll_create1(Int32(EPOLL_CLOEXEC)),
      eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK)),
      timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK)),
    ]
    (poll, wake, timer) = (descriptors[0], descriptors[1], descriptors[2])
    guard !descriptors.contains(where: { $0 < 0 }) else {
      let error = FaultProxyError.last("open", "the proxy's event loop")
      for descriptor in descriptors where descriptor >= 0 { Sockets.close(descriptor) }
      scratch.deallocate()
      throw error
    }
    control(EPOLL_CTL_ADD, wake, EPOLLIN.rawValue, Token.wake)
    control(EPOLL_CTL_ADD, timer, EPOLLIN.rawValue, Token.timer)
    let thread = Thread { self.run() }
    thread.name = "fault-proxy"
    thread.start()
  }

  // MARK: From anywhere

  /// Runs `body` on the loop's thread, between events, and waits for it.
  func perform<Answer: Sendable>(_ body: @escaping @Sendable (EventLoop) -> Answer) -> Answer {
    let promise = Promise<Answer>()
    inbox.withLock { $0.work.append { promise.fulfil(body(self)) } }
    signal()
    return promise.wait()
  }

  /// Ends the thread and waits for it. Nothing may be performed after.
  func finish() {
    inbox.withLock { $0.isFinishing = true }
    signal()
    hasEnded.wait()
  }

  private func signal() {
    // Fails only when the count is at its maximum, and then the loop is awake anyway.
    _ = eventfd_write(wake, 1)
  }

  // MARK: On the loop's thread only

  subscript(link number: UInt64) -> Link? {
    get { links[number] }
    set { links[number] = newValue }
  }

  /// - Returns: what to `remove` it by, before it is closed.
  func add(_ descriptor: Int32, _ events: UInt32, _ target: any Polled, tag: Int) -> UInt64 {
    let token = nextToken
    nextToken += 1
    polled[token] = (target, tag)
    control(EPOLL_CTL_ADD, descriptor, events, token)
    return token
  }

  /// Events that are true now are told again.
  func rearm(_ descriptor: Int32, _ events: UInt32, _ token: UInt64) {
    control(EPOLL_CTL_MOD, descriptor, events, token)
  }

  func remove(_ token: UInt64) {
    polled[token] = nil
  }

  func resume(_ target: any Resumable, tag: Int, at instant: MonotonicInstant) {
    deadlines.add(target, tag: tag, at: instant)
  }

  /// After others have had their turn.
  func resumeSoon(_ target: any Resumable, tag: Int) {
    soon.append((target, tag))
  }

  private func run() {
    let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Self.eventsAtOnce)
    defer {
      events.deallocate()
      scratch.deallocate()
      for descriptor in [poll, wake, timer] { Sockets.close(descriptor) }
      hasEnded.signal()
    }
    while true {
      setTimer()
      let count = epoll_wait(poll, events.baseAddress, Int32(events.count), soon.isEmpty ? -1 : 0)
      for event in events.prefix(Int(max(0, count))) { handle(event) }
      while let (target, tag) = deadlines.removeDue(at: .now) { target.resume(tag: tag) }
      let turn = soon
      soon.removeAll(keepingCapacity: true)
      for (target, tag) in turn { target.resume(tag: tag) }
      let (work, isLast) = inbox.withLock { inbox in
        defer { inbox.work = [] }
        return (inbox.work, inbox.isFinishing)
      }
      for body in work { body() }
      if isLast { return }
    }
  }

  private func handle(_ event: epoll_event) {
    switch event.data.u64 {
    case Token.wake:
      var count: eventfd_t = 0
      _ = eventfd_read(wake, &count)
    case Token.timer:
      // Setting it again makes it unready.
      armedFor = nil
    case let token:
      // What ran before may have closed it.
      if let (target, tag) = polled[token] { target.ready(event.events, tag: tag) }
    }
  }

  private func setTimer() {
    guard deadlines.next != armedFor else { return }
    armedFor = deadlines.next
    var spec = itimerspec()
    if let next = armedFor {
      // Zero would mean never.
      let nanoseconds = max(1, next.nanoseconds)
      spec.it_value.tv_sec = Int(nanoseconds / 1_000_000_000)
      spec.it_value.tv_nsec = Int(nanoseconds % 1_000_000_000)
    }
    timerfd_settime(timer, Int32(TFD_TIMER_ABSTIME), &spec, nil)
  }

  private func control(_ operation: Int32, _ descriptor: Int32, _ events: UInt32, _ token: UInt64) {
    var event = epoll_event()
    // Level-triggered, a socket whose bytes have to wait would keep the loop awake.
    event.events = events | EPOLLET.rawValue
    event.data.u64 = token
    epoll_ctl(poll, operation, descriptor, &event)
  }
}

/// An answer that one thread waits for and another gives.
private final class Promise<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    isThere.signal()
  }

  func wait() -> Value {
    while true {
      isThere.wait()
      if let value = value.withLock({ $0 }) { return value }
    }
  }
}
