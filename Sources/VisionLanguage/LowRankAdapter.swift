internal import Torch

/// Low-rank adapters (LoRA, arXiv 2106.09685) on projections of the decoder: y = W x + alpha / rank * B (A x), where W stays as
/// it is and A [rank, inputs] and B [outputs, rank] are trained.
package struct LowRankSettings: Sendable, Hashable {
  /// A projection of a decoder layer, by its name in files.
  package enum Target: String, Sendable, Hashable, CaseIterable {
    case queries = "q_proj"
    case keys = "k_proj"
    case values = "v_proj"
    case output = "o_proj"
    case gate = "gate_proj"
    case up = "up_proj"
    case down = "down_proj"
  }

  package var rank: Int
  package var alpha: Double
  package var targets: Set<Target>

  package init(rank: Int, alpha: Double = 16, targets: Set<Target> = Set(Target.allCases)) {
    self.rank = rank
    self.alpha = alpha
    self.targets = targets
  }

  var scale: Double { alpha / Double(rank) }

  /// - Parameter module: as files name it, without `.weight`.
  func adapts(_ module: String) -> Bool {
    guard module.hasPrefix("model.layers."), let last = module.split(separator: ".").last else { return false }
    return Target(rawValue: String(last)).map(targets.contains) ?? false
  }
}

/// Whether the adapters of a model take part in its products.
final class AdapterSwitch {
  var isOn = true
}

/// The adapters of projections that share their input. They are float32 whatever the model's dtype.
struct LowRankAdapter {
  /// Of the projections that have an adapter, below one another: [adapted * rank, inputs].
  let a: Tensor
  /// Of each projection [outputs, rank], nil if it has none.
  let b: [Tensor?]
  /// Of each projection.
  let outputs: [Int]
  let rank: Int
  let scale: Double
  let power: AdapterSwitch

  /// - Parameters:
  ///   - y: what the weights alone make of `x`, [.., all outputs].
  ///   - x: [.., inputs].
  /// - Returns: as `y`.
  func callAsFunction(_ y: Tensor, of x: Tensor) throws -> Tensor {
    guard power.isOn else { return y }
    let inner = try x.cast(to: .float32).linear(a) * scale  // [.., adapted * rank]
    return try y.cast(to: .float32).flattened(0, -2).addingProduct(inner.flattened(0, -2), allB().transposed(0, 1))
      .reshaped(y.shape).cast(to: y.dtype)
  }

  /// B of all projections as one matrix, [all outputs, adapted * rank], in which each sees what its own A gave alone. One product
  /// then adds what all adapters give; one for each would copy what is widest in a layer twice more.
  private func allB() throws -> Tensor {
    if b.count == 1, let only = b[0] { return only }
    let adapted = b.count { $0 != nil }
    var before = 0
    let rows = try zip(b, outputs).map { b, outputs in
      func zeros(_ parts: Int) throws -> [Tensor] {
        parts > 0 ? [try Tensor.zeros([outputs, parts * rank], on: a.device)] : []
      }
      guard let b else { return try zeros(adapted)[0] }
      defer { before += 1 }
      return try Tensor.concatenated(zeros(before) + [b] + zeros(adapted - before - 1), 1)
    }
    return try Tensor.concatenated(rows, 0)
  }

  /// W + scale * B A, [outputs, inputs], float32.
  static func merged(_ weight: Tensor, a: Tensor, b: Tensor, scale: Double) throws -> Tensor {
    try weight.cast(to: .float32).addingProduct(b * scale, a)
  }
}

extension WeightReader {
  /// Adapters of the projections `parts`, of those that are to have one.
  ///
  /// A begins uniform in +-1/sqrt(inputs), as PEFT's does, and B with zeros: at first nothing is changed.
  func adapter(_ parts: [(name: String, outputs: Int)], inputs: Int) throws -> LowRankAdapter? {
    guard let lowRank, let adapters else { return nil }
    let adapted = parts.map { lowRank.adapts($0.name) }
    guard adapted.contains(true) else { return nil }
    let a = try tensor(
      zip(parts, adapted).filter(\.1).map { ("\($0.0.name).\(AdapterNames.a)", [lowRank.rank, inputs]) },
      role: .matrix(inputs: inputs), from: adapters)
    let b = try zip(parts, adapted).map { part, isAdapted in
      isAdapted
        ? try tensor([("\(part.name).\(AdapterNames.b)", [part.outputs, lowRank.rank])], role: .bias, from: adapters) : nil
    }
    return LowRankAdapter(
      a: a, b: b, outputs: parts.map(\.outputs), rank: lowRank.rank, scale: lowRank.scale, power: power)
  }
}

/// Of an adapter's tensors, behind the name of the projection.
enum AdapterNames {
  static let a = "lora_A.weight"
  static let b = "lora_B.weight"
}
