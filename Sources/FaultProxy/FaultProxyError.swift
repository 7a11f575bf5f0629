internal import ActionableErrors
internal import Glibc

/// What can go wrong with a link, or with hosts in network namespaces.
package struct FaultProxyError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String

  init(code: String, message: String, advice: String) {
    self.code = "fault-proxy.\(code)"
    self.message = message
    self.advice = advice
  }

  /// The system call that just failed on this thread, explained from `errno`.
  ///
  /// - Parameters:
  ///   - action: what was tried, as in "listen on".
  ///   - place: what it was tried on, as in "127.0.1.7:5555".
  static func last(_ action: String, _ place: String) -> FaultProxyError {
    let number = errno
    let reason = String(cString: strerror(number))
    switch number {
    case EADDRINUSE:
      return FaultProxyError(
        code: "address-in-use", message: "cannot \(action) \(place): it is in use",
        advice: "let the server listen on one address instead of 0.0.0.0, or stop what listens there (ss -ltnp shows which)")
    case EADDRNOTAVAIL:
      return FaultProxyError(
        code: "address-not-here", message: "cannot \(action) \(place): it is not an address of this machine",
        advice: "use an address of 127.0.0.0/8, or one that `ip address` lists")
    case EACCES, EPERM:
      return FaultProxyError(
        code: "forbidden", message: "no permission to \(action) \(place)", advice: "use a port above 1023")
    case EMFILE, ENFILE:
      return FaultProxyError(
        code: "too-many-open", message: "cannot \(action) \(place): \(reason)",
        advice: "raise the limit on open files (ulimit -n)")
    default:
      return FaultProxyError(
        code: "failed", message: "cannot \(action) \(place): \(reason)", advice: "see the reason and try again")
    }
  }
}
