internal import ActionableErrors

/// Why a folder is not a sound copy of the built-in data set.
package enum VisualReasoningError: ActionableError, Equatable {
  /// The manifest is missing something, or was written by another version.
  case badManifest(path: String, reason: String)
  /// A file does not have the bytes that the manifest lists.
  case changed(path: String)
  /// A row contradicts the scene that its picture shows; `line` counts from 1.
  case badRow(path: String, line: Int, reason: String)
  /// Sizes from which no data set can be made.
  case badSize(reason: String)

  package var code: String {
    switch self {
    case .badManifest: "built-in-data.bad-manifest"
    case .changed: "built-in-data.changed"
    case .badRow: "built-in-data.bad-row"
    case .badSize: "built-in-data.bad-size"
    }
  }

  package var message: String {
    switch self {
    case .badManifest(let path, let reason): "\(path) is not the manifest of a built-in data set: \(reason)"
    case .changed(let path): "\(path) is not as it was written"
    case .badRow(let path, let line, let reason): "\(path), line \(line): \(reason)"
    case .badSize(let reason): "no built-in data set can be made: \(reason)"
    }
  }

  package var advice: String {
    switch self {
    case .badManifest, .changed, .badRow: "remove the folder and make it again with `sophia data make`"
    case .badSize: "ask for at least one row of each kind"
    }
  }
}
