internal import CTorch

/// Adam with decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), fused over all parameters; the same
/// arithmetic as `torch.optim.AdamW(fused=True)`.
package final class AdamW {
  package let parameters: [Tensor]
  /// Float32 copies of parameters of a narrower type, on which steps are taken; each parameter is its copy rounded. A step of a
  /// narrow parameter itself is lost where it is less than half of the parameter's last bit. Nil where there is none.
  package let masters: [Tensor?]
  /// Decay rates of the averages of the gradient and of its square.
  package var betas: (Double, Double)
  package var epsilon: Double
  package var weightDecay: Double
  /// Moving averages of the gradient, one for each parameter, of its shape.
  package let averages: [Tensor]
  /// Moving averages of the squared gradient.
  package let squares: [Tensor]
  /// Steps taken with each parameter, float32 scalars.
  package let steps: [Tensor]

  private let handles: (parameters: [OpaquePointer?], masters: [OpaquePointer?], averages: [OpaquePointer?], squares: [OpaquePointer?], steps: [OpaquePointer?])

  /// - Parameter keepsMasters: of the parameters in bfloat16 or float16.
  package init(
    _ parameters: [Tensor], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, weightDecay: Double = 0.01,
    keepsMasters: Bool = false
  ) throws(TorchError) {
    var masters: [Tensor?] = []
    var averages: [Tensor] = []
    var squares: [Tensor] = []
    var steps: [Tensor] = []
    for parameter in parameters {
      let master =
        keepsMasters && parameter.dtype.isFloatingPoint && parameter.dtype.byteCount == 2
        ? try parameter.detached().cast(to: .float32) : nil
      masters.append(master)
      averages.append(try (master ?? parameter).zerosLike())
      squares.append(try (master ?? parameter).zerosLike())
      steps.append(try Tensor(scalar: 0, on: parameter.device))
    }
    self.parameters = parameters
    self.masters = masters
    self.betas = betas
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.averages = averages
    self.squares = squares
    self.steps = steps
    handles = (
      parameters.map(\.handle), masters.map { $0?.handle }, averages.map(\.handle), squares.map(\.handle), steps.map(\.handle)
    )
  }

  /// Changes every parameter that has a gradient.
  package func step(learningRate: Double) throws(TorchError) {
    try Tensor.check("adamw", parameters) {
      ctorch_adamw(
        handles.parameters, handles.masters, handles.averages, handles.squares, handles.steps, parameters.count,
        learningRate, betas.0, betas.1, epsilon, weightDecay)
    }
  }

  package func clearGradients() {
    for parameter in parameters { parameter.clearGradient() }
  }

  /// Scales the gradients so that their joint 2-norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_` does.
  ///
  /// - Returns: the norm before.
  package func clipGradientNorm(_ limit: Double) throws(TorchError) -> Double {
    var norm = 0.0
    try Tensor.check("clip_grad_norm", parameters) {
      ctorch_clip_gradient_norm(handles.parameters, parameters.count, limit, &norm)
    }
    return norm
  }
}
