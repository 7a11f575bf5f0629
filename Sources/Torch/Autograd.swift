internal import CTorch

extension Tensor {
  package var requiresGradient: Bool { ctorch_requires_grad(handle) != 0 }

  /// Makes a tensor that was computed from nothing a leaf whose gradient is kept, or stops that.
  @discardableResult
  package func setRequiresGradient(_ flag: Bool = true) throws(TorchError) -> Tensor {
    try Tensor.check("requires_grad_", [self]) { ctorch_set_requires_grad(handle, flag ? 1 : 0) }
    return self
  }

  /// The same memory outside of the graph.
  package func detached() throws(TorchError) -> Tensor { try unary(CTORCH_DETACH, "detach") }

  /// What `backward` has added up for this leaf, or nil.
  package var gradient: Tensor? { ctorch_grad(handle).map(Tensor.init(owning:)) }

  /// Forgets the gradient and frees its memory.
  package func clearGradient() { ctorch_clear_grad(handle) }

  /// Adds the derivative of this scalar to the gradient of each leaf it was computed from.
  package func backward() throws(TorchError) {
    try Tensor.check("backward", [self]) { ctorch_backward(handle) }
  }

  /// The derivatives of this scalar with respect to `inputs`; leaves their `gradient` alone.
  package func gradients(_ inputs: [Tensor]) throws(TorchError) -> [Tensor] {
    let handles = inputs.map { Optional($0.handle) }
    var results = [OpaquePointer?](repeating: nil, count: inputs.count)
    try withExtendedLifetime(inputs) { () throws(TorchError) in
      try Tensor.check("grad", [self] + inputs) { ctorch_gradients(handle, handles, handles.count, &results) }
    }
    return results.compactMap { $0.map(Tensor.init(owning:)) }
  }
}

/// Runs `body` without recording what gradients need. For scoring and decoding, and for changing leaves in place.
///
/// Holds for the calling thread; `body` does not suspend.
package func withoutGradient<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
  let before = ctorch_set_grad_enabled(0)
  defer { _ = ctorch_set_grad_enabled(before) }
  return try body()
}
