internal import ActionableErrors

/// A model, its settings or an input of it that cannot be used.
package struct ModelError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String
  package let cause: (any Error)?

  package init(code: String, message: String, advice: String, cause: (any Error)? = nil) {
    self.code = code
    self.message = message
    self.advice = advice
    self.cause = cause
  }
}

extension ModelError {
  static func configuration(_ message: String, in name: String, advice: String? = nil) -> ModelError {
    ModelError(
      code: "model.configuration", message: "\(name): \(message)",
      advice: advice ?? "use the config.json that belongs to the weights of a Qwen2.5-VL model")
  }

  static func weights(_ message: String, advice: String? = nil) -> ModelError {
    ModelError(
      code: "model.weights", message: message,
      advice: advice ?? "use the weights that belong to this config.json, unchanged and complete")
  }

  static func input(_ message: String, advice: String) -> ModelError {
    ModelError(code: "model.input", message: message, advice: advice)
  }
}
