package import Torch

// Adapters beside the weights: switched off, merged, and as files hold the model without them.
extension ModelParameters {
  /// Runs `body` with the weights alone: the policy that the training of adapters starts from. Without adapters, just runs it.
  package func withoutAdapters<Success>(_ body: () throws -> Success) rethrows -> Success {
    let before = power.isOn
    power.isOn = false
    defer { power.isOn = before }
    return try body()
  }

  /// Runs `body` with the adapters merged into the weights, as decoding needs it, which reads weights alone. Meanwhile the
  /// weights as they were are kept on the host; afterwards they are the same bits again.
  package func withMergedAdapters<Success>(_ body: () throws -> Success) throws -> Success {
    guard hasAdapters else { return try body() }
    var kept: [(weight: Named, before: Tensor)] = []
    let result = Result {
      try withoutGradient {
        for weight in named {
          guard let merged = try mergedIfAdapted(weight) else { continue }
          let before = try weight.tensor().clone().moved(to: .cpu)
          kept.append((weight, before))
          try weight.tensor().copyInPlace(merged)
        }
      }
      return try withoutAdapters(body)
    }
    try withoutGradient {
      for (weight, before) in kept { try weight.tensor().copyInPlace(before) }
    }
    return try result.get()
  }

  /// The model's tensors without adapters, in the model's dtype, by name: what a folder holds that anything can load.
  package func merged() throws -> [(name: String, tensor: Tensor)] {
    try withoutGradient {
      try named.filter { !$0.isAdapter }.map { weight in
        let tensor = try weight.tensor()
        return (weight.name, try mergedIfAdapted(weight)?.cast(to: tensor.dtype) ?? tensor)
      }
    }
  }

  /// W + alpha / rank * B A in float32; nil if the weight has no adapter.
  private func mergedIfAdapted(_ weight: Named) throws -> Tensor? {
    guard let lowRank, let module = weight.module, let a = byName["\(module).\(AdapterNames.a)"],
      let b = byName["\(module).\(AdapterNames.b)"]
    else { return nil }
    return try LowRankAdapter.merged(weight.tensor(), a: a.tensor(), b: b.tensor(), scale: lowRank.scale)
  }
}
