internal import Torch

extension AdamW {
  /// The optimiser's state as files hold it: `NAME.exp_avg`, `NAME.exp_avg_sq` and `NAME.step` of each parameter.
  ///
  /// - Parameter names: of `parameters`, in their order.
  func states(named names: [String]) -> [(name: String, tensor: Tensor)] {
    zip(names, zip(averages, zip(squares, steps))).flatMap { name, state in
      [("\(name).exp_avg", state.0), ("\(name).exp_avg_sq", state.1.0), ("\(name).step", state.1.1)]
    }.map { (name: $0.0, tensor: $0.1) }
  }

  /// Takes over what `states(named:)` gave.
  ///
  /// - Throws: naming the tensor, if one is missing or has another shape.
  func load(_ file: SafetensorsFile, named names: [String]) throws {
    try withoutGradient {
      for (name, tensor) in states(named: names) {
        try tensor.copyInPlace(file.tensor(name, shape: tensor.shape, on: tensor.device))
      }
    }
  }
}
