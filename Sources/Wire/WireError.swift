internal import ActionableErrors

/// A message from a peer that cannot be taken.
package struct WireError: ActionableError, Hashable {
  package let code: String
  package let message: String
  package let advice: String

  static func malformed(_ what: String, _ reason: String) -> WireError {
    WireError(
      code: "wire.malformed", message: "a \(what) message is malformed: \(reason)",
      advice: "run the same build of sophia on every machine")
  }

  static func beyondLimit(_ what: String, _ value: Int, limit: Int) -> WireError {
    WireError(
      code: "wire.beyond-limit", message: "\(what) of \(value) is beyond the limit of \(limit)",
      advice: "run the same build of sophia on every machine, or lower the setting that it comes from")
  }
}
