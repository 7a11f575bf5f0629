internal import Torch

extension AdamW {
  /// The optimiser's state as files hold it: `NAME.exp_avg`, `NAME.exp_avg_sq` and `NAME.step` of each parameter, and
  /// `NAME.master` where there is one.
  ///
  /// - Parameter names: of `parameters`, in their order.
  func states(named names: [String]) -> [(name: String, tensor: Tensor)] {
    names.indices.flatMap { index in
      let name = names[index]
      let states = [("exp_avg", averages[index]), ("exp_avg_sq", squares[index]), ("step", steps[index])]
      return (states + (masters[index].map { [("master", $0)] } ?? [])).map { (name: "\(name).\($0.0)", tensor: $0.1) }
    }
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
