internal import CTorch

/// Gradient checkpointing (Chen and others, arXiv 1604.06174): runs `body` and keeps only its inputs and outputs. Going back
/// works it out again, so that the memory between is needed for one such part at a time.
///
/// Where no gradients are recorded, just runs `body`.
///
/// - Parameters:
///   - inputs: the tensors through which gradients flow out of `body`. It may use others that need none, and leaves, whose
///     gradients are added to as usual; no other tensor of a graph.
///   - body: does the same each time. It may run on another thread in the backward pass, while the caller waits for that.
/// - Returns: what `body` gives; each requires gradients, whether or not an input does. They are for `backward`, not for
///   `gradients`.
/// - Throws: what `body` throws; if it does so in the backward pass, that fails with a `TorchError` of the same text.
package func recomputed(
  _ inputs: [Tensor], outputs count: Int, _ body: @escaping ([Tensor]) throws -> [Tensor]
) throws -> [Tensor] {
  guard ctorch_grad_enabled() != 0 else { return try body(inputs) }
  let block = RecomputedBlock(outputs: count, body)
  var results = [OpaquePointer?](repeating: nil, count: count)
  let handles = inputs.map { Optional($0.handle) }
  let status = withExtendedLifetime(inputs) {
    ctorch_recomputed(
      RecomputedBlock.run, RecomputedBlock.release, Unmanaged.passRetained(block).toOpaque(), handles, handles.count, &results,
      count)
  }
  if let failure = block.takeFailure() { throw failure }
  guard status == 0 else { throw TorchError(operation: "recomputed", operands: inputs) }
  return results.compactMap { $0.map(Tensor.init(owning:)) }
}

/// What the shim calls. The graph owns it.
private final class RecomputedBlock {
  private let outputs: Int
  private let body: ([Tensor]) throws -> [Tensor]
  private var failure: (any Error)?

  init(outputs: Int, _ body: @escaping ([Tensor]) throws -> [Tensor]) {
    self.outputs = outputs
    self.body = body
  }

  func takeFailure() -> (any Error)? {
    defer { failure = nil }
    return failure
  }

  static let run: CTorchBlock = { context, inputs, count, outputs in
    guard let context, let outputs else { return 1 }
    let block = Unmanaged<RecomputedBlock>.fromOpaque(context).takeUnretainedValue()
    let tensors = (0..<count).compactMap { inputs?[$0].map(Tensor.init(owning:)) }
    do {
      let results = try block.body(tensors)
      precondition(results.count == block.outputs, "as many outputs as were announced")
      for (place, tensor) in results.enumerated() { outputs[place] = ctorch_retain(tensor.handle) }
      return 0
    } catch {
      block.failure = error
      ctorch_set_last_error("\(error)")
      return 1
    }
  }

  static let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { context in
    if let context { Unmanaged<RecomputedBlock>.fromOpaque(context).release() }
  }
}
