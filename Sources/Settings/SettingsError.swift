internal import ActionableErrors

/// A configuration that cannot be used: which key of which file, and what it may be.
package struct SettingsError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String
}

extension SettingsError {
  /// - Parameter place: the file with the line, or the override that the key came from.
  static func unknownKey(_ key: String, place: String, nearest: String?) -> SettingsError {
    SettingsError(
      code: "settings.unknown-key", message: "\(place): there is no setting \(key)",
      advice: nearest.map { "did you mean \($0)? `sophia train --help-config` lists all" }
        ?? "`sophia train --help-config` lists all")
  }

  static func badValue(_ key: String, value: String, place: String, accepted: String) -> SettingsError {
    SettingsError(
      code: "settings.bad-value", message: "\(place): \(key) is \(value.isEmpty ? "empty" : value)",
      advice: "it must be \(accepted)")
  }

  static func missing(_ key: String, place: String, why: String) -> SettingsError {
    SettingsError(code: "settings.missing", message: "\(place): \(key) is not set", advice: why)
  }

  static func conflict(_ message: String, place: String, advice: String) -> SettingsError {
    SettingsError(code: "settings.conflict", message: "\(place): \(message)", advice: advice)
  }
}
