import FaultProxy
import Foundation
import Glibc
import Synchronization
import Testing

/// A blocking TCP socket whose calls give up after a while.
final class TestSocket: Sendable {
  enum Outcome: Equatable {
    case bytes([UInt8])
    case end
    case failed(Int32)
    case tooLate
  }

  let descriptor: Int32
  private let isClosed = Atomic(false)

  init(descriptor: Int32, patience: Duration = .seconds(10)) {
    self.descriptor = descriptor
    self.patience(patience)
  }

  /// - Throws: a `POSIXError`.
  convenience init(connectingTo address: String, port: UInt16, patience: Duration = .seconds(10)) throws {
    self.init(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0), patience: patience)
    guard withAddress(address, port, { connect(descriptor, $0, $1) }) == 0 else {
      throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }
    var one: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
  }

  deinit { close() }

  func patience(_ patience: Duration) {
    let (seconds, attoseconds) = patience.components
    var time = timeval(tv_sec: Int(seconds), tv_usec: Int(attoseconds / 1_000_000_000_000))
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// - Returns: how many bytes went before an error or before patience ended.
  @discardableResult
  func send(_ bytes: [UInt8]) -> Int {
    bytes.withUnsafeBytes { bytes in
      var total = 0
      while total < bytes.count {
        let count = Glibc.send(descriptor, bytes.baseAddress! + total, bytes.count - total, Int32(MSG_NOSIGNAL))
        guard count > 0 else { break }
        total += count
      }
      return total
    }
  }

  func receive(atMost count: Int = 1 << 16) -> Outcome {
    var bytes = [UInt8](repeating: 0, count: count)
    let received = recv(descriptor, &bytes, count, 0)
    if received > 0 { return .bytes(Array(bytes[..<received])) }
    if received == 0 { return .end }
    return errno == EAGAIN ? .tooLate : .failed(errno)
  }

  /// - Returns: `count` bytes, or those that came before something else than bytes did.
  func receive(exactly count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count, case .bytes(let more) = receive(atMost: min(1 << 20, count - bytes.count)) { bytes += more }
    return bytes
  }

  /// - Returns: everything until something else than bytes came, and what that was.
  func receiveAll() -> (bytes: [UInt8], outcome: Outcome) {
    var bytes: [UInt8] = []
    while true {
      switch receive() {
      case .bytes(let more): bytes += more
      case let outcome: return (bytes, outcome)
      }
    }
  }

  /// Whether nothing comes for a while.
  func isSilent(for time: Duration) -> Bool {
    patience(time)
    defer { patience(.seconds(10)) }
    return receive() == .tooLate
  }

  func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

  func closeAbruptly() {
    var lingering = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func close() {
    if !isClosed.exchange(true, ordering: .relaxed) { _ = Glibc.close(descriptor) }
  }
}

func withAddress<R>(_ text: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  inet_pton(AF_INET, text, &address.sin_addr)
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}

/// A server on a free port of 127.0.0.1.
final class TestServer: Sendable {
  let port: UInt16
  private let listener: TestSocket

  init() throws {
    listener = TestSocket(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
    let descriptor = listener.descriptor
    try #require(withAddress("127.0.0.1", 0) { bind(descriptor, $0, $1) } == 0)
    try #require(listen(descriptor, 512) == 0)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &size) }
    }
    port = UInt16(bigEndian: address.sin_port)
  }

  func take() throws -> TestSocket {
    let descriptor = accept(listener.descriptor, nil, nil)
    try #require(descriptor >= 0, "nobody came to the server")
    return TestSocket(descriptor: descriptor)
  }

  func isLeftAlone(for time: Duration) -> Bool {
    listener.patience(time)
    defer { listener.patience(.seconds(10)) }
    let descriptor = accept(listener.descriptor, nil, nil)
    if descriptor >= 0 { Glibc.close(descriptor) }
    return descriptor < 0
  }

  /// Sends back what it gets, on as many connections as come.
  func echo() {
    let listener = listener
    inThread {
      while true {
        let descriptor = accept(listener.descriptor, nil, nil)
        if descriptor < 0, errno == EAGAIN || errno == EINTR { continue }
        guard descriptor >= 0 else { return }
        let socket = TestSocket(descriptor: descriptor, patience: .seconds(30))
        inThread {
          while case .bytes(let bytes) = socket.receive(), socket.send(bytes) == bytes.count {}
          socket.close()
        }
      }
    }
  }

  deinit { close() }

  func close() {
    // Wakes whoever accepts.
    _ = shutdown(listener.descriptor, Int32(SHUT_RDWR))
    listener.close()
  }
}

@discardableResult
func inThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) -> Later<Value> {
  let later = Later<Value>()
  Thread.detachNewThread { later.fulfil(body()) }
  return later
}

/// What a thread comes to.
final class Later<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let isThere = DispatchSemaphore(value: 0)

  func fulfil(_ value: Value) {
    self.value.withLock { $0 = value }
    isThere.signal()
  }

  func wait() throws -> Value {
    try #require(isThere.wait(timeout: .now() + 60) == .success, "a thread of the test hangs")
    return try #require(value.withLock { $0 })
  }
}

/// A server, a link before it and the way to connect through the link.
struct Scene {
  let server: TestServer
  let link: FaultLink

  private static let count = Atomic<Int>(0)

  init(seed: UInt64 = 1) throws {
    let number = Self.count.add(1, ordering: .relaxed).newValue
    server = try TestServer()
    link = try FaultLink(
      name: "w\(number)", address: "127.7.\(number / 250).\(1 + number % 250)", server: "127.0.0.1", seed: seed)
    try link.open(port: server.port)
  }

  func connect(patience: Duration = .seconds(10)) throws -> TestSocket {
    try TestSocket(connectingTo: link.address, port: server.port, patience: patience)
  }

  /// - Returns: both ends of a connection through the link.
  func pair() throws -> (client: TestSocket, server: TestSocket) {
    (try connect(), try server.take())
  }
}

/// Bytes that tell their place.
func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count)
  while bytes.count < count {
    let place = (start + bytes.count) % patternPeriod.count
    bytes += patternPeriod[place..<min(patternPeriod.count, place + count - bytes.count)]
  }
  return bytes
}

private let patternPeriod = (0..<65536).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &* 17) }

func elapsed(_ body: () throws -> Void) rethrows -> Duration {
  try ContinuousClock().measure(body)
}

/// Waits until `condition` holds, a few seconds at most.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
  let deadline = ContinuousClock.now + .seconds(5)
  while ContinuousClock.now < deadline {
    if try condition() { return true }
    usleep(2000)
  }
  return try condition()
}
