internal import CZeroMQ

/// One frame: bytes that are never copied on their way to libzmq, nor on their way from it until someone asks.
///
/// Sending a message does not use it up: each send shares the same bytes, which stay alive until the last user, the
/// network included, lets go of them.
//
// @unchecked: `raw` is only read after `init`. Copying a `zmq_msg_t` marks the original as shared the first time and
// after that touches only an atomic count, so `init` makes (and drops) the first copy.
package final class Message: @unchecked Sendable {
  private let raw: UnsafeMutablePointer<zmq_msg_t>

  /// Below this many bytes a copy is cheaper than a shared buffer with its callback.
  private static let smallestShared = 512

  /// Takes over an array's own storage: no bytes move, whatever its size.
  package init(_ bytes: [UInt8]) {
    raw = .allocate(capacity: 1)
    guard bytes.count >= Self.smallestShared else {
      bytes.withUnsafeBytes { Self.initialize(raw, copying: $0) }
      return
    }
    // An array keeps its elements in one heap object. The keeper holds that object and never writes; whoever else
    // holds the array copies it before writing, because it is shared with the keeper. So the address stays good.
    let keeper = Keeper(bytes)
    bytes.withUnsafeBytes { Self.initialize(raw, sharing: $0, keeper: keeper) }
    markShared()
  }

  /// Sends memory that `owner` keeps alive and unchanged, such as a mapped file, without copying it.
  package init(sharing bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable) {
    raw = .allocate(capacity: 1)
    guard !bytes.isEmpty else {
      Self.initialize(raw, copying: bytes)
      return
    }
    Self.initialize(raw, sharing: bytes, keeper: Keeper(owner))
    markShared()
  }

  package convenience init(_ text: String) {
    self.init(Array(text.utf8))
  }

  /// Takes over a message that libzmq has filled.
  init(receivedIn raw: UnsafeMutablePointer<zmq_msg_t>) {
    self.raw = raw
    markShared()
  }

  deinit {
    zmq_msg_close(raw)
    raw.deallocate()
  }

  package var count: Int { zmq_msg_size(raw) }

  /// The bytes in place, valid inside `body` only.
  package func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(start: zmq_msg_data(raw), count: count))
  }

  /// A copy of the bytes.
  package var bytes: [UInt8] { withUnsafeBytes { Array($0) } }

  /// Whose connection this message came over, as the authenticator knows it: never something the peer may choose.
  /// Nil for a message that was not received, or came over a connection without authentication.
  package var authenticatedUser: String? { property("User-Id") }

  /// The address the connection comes from, for messages to people only.
  package var peerAddress: String? { property("Peer-Address") }

  /// Of the connection that it came over, which may have been closed since; -1 for a message that was not received.
  var descriptor: Int32 { zmq_msg_get(raw, ZMQ_SRCFD) }

  /// A second `zmq_msg_t` for the same bytes, which sending uses up.
  func share(into other: UnsafeMutablePointer<zmq_msg_t>) {
    zmq_msg_init(other)
    zmq_msg_copy(other, raw)
  }

  private func property(_ name: String) -> String? {
    zmq_msg_gets(raw, name).flatMap { $0.pointee == 0 ? nil : String(cString: $0) }
  }

  private func markShared() {
    withUnsafeTemporaryAllocation(of: zmq_msg_t.self, capacity: 1) { copy in
      guard let copy = copy.baseAddress else { return }
      share(into: copy)
      zmq_msg_close(copy)
    }
  }

  private static func initialize(_ raw: UnsafeMutablePointer<zmq_msg_t>, copying bytes: UnsafeRawBufferPointer) {
    guard zmq_msg_init_size(raw, bytes.count) == 0 else { fatalError("out of memory for a message") }
    if let source = bytes.baseAddress { zmq_msg_data(raw).copyMemory(from: source, byteCount: bytes.count) }
  }

  private static func initialize(
    _ raw: UnsafeMutablePointer<zmq_msg_t>, sharing bytes: UnsafeRawBufferPointer, keeper: Keeper
  ) {
    let status = zmq_msg_init_data(
      raw, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count,
      { _, keeper in if let keeper { Unmanaged<Keeper>.fromOpaque(keeper).release() } },
      Unmanaged.passRetained(keeper).toOpaque())
    guard status == 0 else { fatalError("out of memory for a message") }
  }
}

/// Holds what a message's bytes belong to until libzmq, on a thread of its own, has no more use for them.
private final class Keeper: Sendable {
  private let owner: any Sendable

  init(_ owner: any Sendable) {
    self.owner = owner
  }
}
