/// An error that says what happened and what its reader can do about it.
///
/// Every error that can reach a user conforms. The command line prints `message` and `advice` on one line and exits
/// with a code other than 0; programs read `code`.
package protocol ActionableError: Error, Sendable, CustomStringConvertible {
  /// Stable and machine-readable, `area.what`, for instance `image.not-an-image`.
  var code: String { get }
  /// What happened, naming the file, flag, row, peer or tensor that is wrong. No trailing full stop.
  var message: String { get }
  /// What to do about it. No trailing full stop.
  var advice: String { get }
  /// What this was caused by, if something below failed.
  var cause: (any Error)? { get }
}

extension ActionableError {
  package var cause: (any Error)? { nil }

  package var description: String {
    let because = cause.map { " (\($0))" } ?? ""
    return "\(message)\(because); \(advice)"
  }
}
