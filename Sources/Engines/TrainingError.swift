internal import ActionableErrors

/// A batch that cannot be trained on, or a step that went wrong.
package struct TrainingError: ActionableError, Hashable {
  package let code: String
  package let message: String
  package let advice: String

  static func batch(_ message: String, advice: String = "report this with the run's log") -> TrainingError {
    TrainingError(code: "training.batch", message: message, advice: advice)
  }

  /// The weights have not been changed by the step.
  static func notFinite(_ what: String) -> TrainingError {
    TrainingError(
      code: "training.not-finite", message: "\(what) is not a finite number; the weights were left as they are",
      advice: "lower the learning rate, or go on from an earlier checkpoint")
  }
}
