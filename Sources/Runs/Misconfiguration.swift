internal import ActionableErrors

/// What fails again until somebody changes a setting, a key or a file that one names. Ends the program with
/// `RunExit.misconfigured`, so that whoever starts what has failed again need not try.
package struct Misconfiguration: ActionableError {
  private let what: any ActionableError

  package var code: String { what.code }
  package var message: String { what.message }
  package var advice: String { what.advice }
  package var cause: (any Error)? { what.cause }

  /// Runs `body`, of whose errors all are of this kind.
  package static func of<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as any ActionableError {
      throw Misconfiguration(what: error)
    }
  }
}
