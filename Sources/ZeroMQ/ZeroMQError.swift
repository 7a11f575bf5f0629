internal import ActionableErrors
internal import CZeroMQ
internal import Glibc

/// What can go wrong with sockets, keys and peers.
package struct ZeroMQError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String

  package init(code: String, message: String, advice: String) {
    self.code = "zeromq.\(code)"
    self.message = message
    self.advice = advice
  }

  /// The libzmq call that just failed on this thread, explained from `zmq_errno`.
  ///
  /// - Parameters:
  ///   - action: what was tried, as in "bind" or "set the linger period".
  ///   - subject: the endpoint or socket it was tried on.
  static func last(_ action: String, _ subject: String) -> ZeroMQError {
    let number = zmq_errno()
    let reason = String(cString: zmq_strerror(number))
    switch number {
    case EADDRINUSE:
      return ZeroMQError(
        code: "address-in-use", message: "\(place(subject)) is in use",
        advice: "choose another port, or stop the process that listens there (ss -ltnp shows which)")
    case EADDRNOTAVAIL, ENODEV:
      return ZeroMQError(
        code: "address-not-here", message: "\(place(subject)) is not an address of this machine",
        advice: "use an address that `ip address` lists, or 0.0.0.0 for all of them")
    case EACCES, EPERM:
      return ZeroMQError(
        code: "forbidden", message: "no permission to \(action) \(place(subject))", advice: "use a port above 1023")
    case EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO:
      return ZeroMQError(
        code: "bad-endpoint", message: "cannot \(action) \(subject): \(reason)",
        advice: "write endpoints as tcp://HOST:PORT")
    case EMFILE, ENFILE:
      return ZeroMQError(
        code: "too-many-open", message: "cannot \(action) \(subject): \(reason)",
        advice: "raise the limit on open files (ulimit -n)")
    case ETERM:
      return ZeroMQError(
        code: "terminated", message: "cannot \(action) \(subject): the transport has been stopped",
        advice: "this is expected while the process ends")
    case EHOSTUNREACH:
      return ZeroMQError(
        code: "unknown-peer", message: "cannot \(action) \(subject): no such peer is connected",
        advice: "wait for the peer to connect again")
    default:
      return ZeroMQError(
        code: "failed", message: "cannot \(action) \(subject): \(reason)", advice: "see the reason and try again")
    }
  }

  package static let closed = ZeroMQError(
    code: "closed", message: "the socket has been closed", advice: "this is expected while the process ends")

  /// `tcp://127.0.0.1:5555` as "port 5555 on 127.0.0.1"; anything else as it is.
  private static func place(_ endpoint: String) -> String {
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return endpoint }
    let host = endpoint[..<colon].dropFirst("tcp://".count)
    return "port \(endpoint[colon...].dropFirst()) on \(host)"
  }
}
