internal import CZeroMQ
internal import Synchronization

/// The process's one ZeroMQ context: its I/O threads and everything that is `inproc`.
///
/// Sockets hold it, so it outlives them; `terminate` waits no longer than the longest linger of those just closed.
package final class ZeroMQContext: Sendable {
  // libzmq documents contexts, alone among its objects, as safe to use from any thread.
  nonisolated(unsafe) let handle: UnsafeMutableRawPointer
  private let lifetime = Mutex(Lifetime())

  private struct Lifetime {
    var openSockets = 0
    var isTerminated = false
  }

  /// - Parameters:
  ///   - ioThreads: threads that move bytes; one serves about a gigabit a second, more with CURVE need more.
  ///   - maximumSockets: sockets that may be open at once, monitors and the authenticator included.
  package init(ioThreads: Int32 = 1, maximumSockets: Int32 = 256) throws(ZeroMQError) {
    Self.keepMemory
    guard let handle = zmq_ctx_new() else { throw .last("create", "a context") }
    self.handle = handle
    guard zmq_ctx_set(handle, ZMQ_IO_THREADS, ioThreads) == 0,
      zmq_ctx_set(handle, ZMQ_MAX_SOCKETS, maximumSockets) == 0
    else { throw .last("set up", "a context") }
  }

  /// Lets malloc keep the memory of messages. libzmq takes and frees each message's by itself, and malloc would hand a
  /// chunk of weights back to the system each time, to have its pages cleared again for the next one. These are the
  /// values that malloc comes to by itself once a block of 32 MiB has been freed.
  private static let keepMemory: Void = {
    mallopt(M_MMAP_THRESHOLD, 32 << 20)
    mallopt(M_TRIM_THRESHOLD, 64 << 20)
  }()

  /// libzmq's, as in `4.3.4`.
  package static var version: String {
    var (major, minor, patch): (Int32, Int32, Int32) = (0, 0, 0)
    zmq_version(&major, &minor, &patch)
    return "\(major).\(minor).\(patch)"
  }

  /// Whether this libzmq can authenticate and encrypt.
  package static var hasCurve: Bool { zmq_has("curve") == 1 }

  deinit {
    // Every socket holds this object, so none is open here and the wait is bounded by their lingers.
    if !lifetime.withLock(\.isTerminated) { zmq_ctx_term(handle) }
  }

  /// Waits until what the closed sockets still had to send is sent or their linger is over, then frees everything.
  ///
  /// - Throws: `zeromq.sockets-open` while a socket is open, because libzmq would wait for it for ever.
  package func terminate() throws(ZeroMQError) {
    let openSockets = lifetime.withLock { lifetime in
      if lifetime.openSockets == 0, !lifetime.isTerminated {
        lifetime.isTerminated = true
        return 0
      }
      return lifetime.isTerminated ? -1 : lifetime.openSockets
    }
    guard openSockets >= 0 else { return }
    guard openSockets == 0 else {
      throw ZeroMQError(
        code: "sockets-open", message: "the transport cannot stop: \(openSockets) sockets are still open",
        advice: "close them first")
    }
    while zmq_ctx_term(handle) != 0, zmq_errno() == EINTR {}
  }

  func openSocket(type: Int32) throws(ZeroMQError) -> UnsafeMutableRawPointer {
    // Counted before it exists, so that `terminate` cannot slip in between.
    let isOpen = lifetime.withLock { lifetime in
      if !lifetime.isTerminated { lifetime.openSockets += 1 }
      return !lifetime.isTerminated
    }
    guard isOpen else { throw .closed }
    guard let socket = zmq_socket(handle, type) else {
      let error = ZeroMQError.last("open", "a socket")
      lifetime.withLock { $0.openSockets -= 1 }
      throw error
    }
    return socket
  }

  func closeSocket(_ socket: UnsafeMutableRawPointer) {
    zmq_close(socket)
    lifetime.withLock { $0.openSockets -= 1 }
  }
}
