internal import ActionableErrors
internal import Foundation

extension RunSettings {
  /// Reads what `json()` wrote: the form in which settings travel to peers.
  ///
  /// - Throws: a `SettingsFormError`.
  package init(json text: String) throws {
    do {
      self = try JSONDecoder().decode(RunSettings.self, from: Foundation.Data(text.utf8))
    } catch {
      throw SettingsFormError(message: "the run's settings cannot be read: \(error)")
    }
  }

  /// All settings, keys in order, so that equal settings are equal texts.
  package func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

/// Settings that another build wrote.
struct SettingsFormError: ActionableError {
  let code = "settings.other-form"
  let message: String
  let advice = "run the same build of sophia on every machine"
}
