internal import ActionableErrors

/// A data file that cannot be used, down to the line and the field.
package struct DataError: ActionableError, Equatable {
  package let code: String
  /// The file, or `standard input`.
  package let file: String
  /// From 1; 0 where the whole file is meant.
  package let line: Int
  package let field: String?
  package let reason: String
  package let advice: String

  package var message: String {
    let place = line > 0 ? "\(file), line \(line)" : file
    return field.map { "\(place), field \($0): \(reason)" } ?? "\(place): \(reason)"
  }
}
