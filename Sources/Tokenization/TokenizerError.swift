internal import ActionableErrors

/// A tokenizer file, a text or a list of ids that cannot be used.
package struct TokenizerError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String

  init(_ code: String, _ message: String, advice: String) {
    self.code = "tokenizer.\(code)"
    self.message = message
    self.advice = advice
  }
}

extension TokenizerError {
  static func notJSON(_ name: String, _ failure: JSONFailure) -> TokenizerError {
    TokenizerError(
      "not-json", "\(name) is not the JSON it should be: \(failure.expected) expected at byte \(failure.offset)",
      advice: "use the tokenizer.json that belongs to the model, whole and unchanged")
  }

  /// A part of the file that says something this tokenizer does not do.
  static func unsupported(_ part: String, in name: String, wanted: String) -> TokenizerError {
    TokenizerError(
      "unsupported", "\(name): \(part) is not supported, only \(wanted)",
      advice: "use the tokenizer.json of a Qwen2.5-VL model")
  }

  /// Vocabulary, merges and added tokens that contradict one another.
  static func inconsistent(_ what: String, in name: String) -> TokenizerError {
    TokenizerError(
      "inconsistent", "\(name): \(what)", advice: "use the tokenizer.json that belongs to the model, whole and unchanged")
  }

  static func tooLarge(_ what: String, in name: String) -> TokenizerError {
    TokenizerError("too-large", "\(name): \(what)", advice: "check that it is the tokenizer.json of a language model")
  }

  static func unknownID(_ id: Int32, vocabularySize: Int) -> TokenizerError {
    TokenizerError(
      "unknown-id", "token id \(id) stands for nothing in a vocabulary of \(vocabularySize)",
      advice: "check that these ids come from this model's tokenizer")
  }
}
