internal import ActionableErrors
internal import CTorch

/// A tensor operation, file of tensors or device that failed.
package struct TorchError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String

  package init(code: String, message: String, advice: String) {
    self.code = code
    self.message = message
    self.advice = advice
  }

  /// `operation` was refused by libtorch; the text names the shapes and dtypes of its operands.
  init(operation: StaticString, operands: [Tensor]) {
    let shapes = operands.map(\.signature).joined(separator: ", ")
    let reason = String(cString: ctorch_last_error())
    let isMemory = ["can't allocate memory", "out of memory", "bad_alloc", "ALLOC_FAILED"].contains { reason.contains($0) }
    self.init(
      code: isMemory ? "torch.out-of-memory" : "torch.\(operation)",
      message: "\(operation)(\(shapes)): \(reason)",
      advice: isMemory
        ? "use a smaller batch or a machine with more memory"
        : "check the shapes: the model's settings, its weights and the input must fit one another")
  }
}
