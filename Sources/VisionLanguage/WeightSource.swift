internal import Torch

/// Where the layers of a model get their numbers from as they are made: a folder, or a seed.
protocol WeightSource {
  /// - Returns: a tensor of exactly this shape, on the host, of any floating-point type.
  func weight(_ name: String, shape: [Int], role: WeightRole) throws -> Tensor
}

/// What a weight does, which decides how it begins.
enum WeightRole {
  case matrix(inputs: Int)
  case bias
  case normScale
  case embedding
}

/// Gives layers their weights and keeps the list of them.
final class WeightReader {
  private let source: any WeightSource
  private let dtype: DType
  private let device: Device
  let lowRank: LowRankSettings?
  /// Where adapters get their numbers from; nil if they are merged into the weights as they arrive, and the layers have none.
  let adapters: (any WeightSource)?
  let power = AdapterSwitch()
  private var trained: [ModelParameters.Trained] = []
  private var named: [ModelParameters.Named] = []

  init(
    _ source: any WeightSource, dtype: DType, device: Device, lowRank: LowRankSettings? = nil,
    adapters: (any WeightSource)? = nil
  ) {
    self.source = source
    self.dtype = dtype
    self.device = device
    self.lowRank = lowRank
    self.adapters = adapters
  }

  var parameters: ModelParameters {
    ModelParameters(trained: trained, named: named, lowRank: lowRank, power: power)
  }

  /// A linear layer made of the projections `rows` (name and outputs) of one input of width `inputs`.
  func linear(_ prefix: String, _ rows: KeyValuePairs<String, Int>, inputs: Int, bias: Bool) throws -> Linear {
    let parts = rows.map { (name: "\(prefix).\($0.key)", outputs: $0.value) }
    let weight = try tensor(parts.map { ("\($0.name).weight", [$0.outputs, inputs]) }, role: .matrix(inputs: inputs))
    let offset = bias ? try tensor(parts.map { ("\($0.name).bias", [$0.outputs]) }, role: .bias) : nil
    return Linear(weight: weight, bias: offset, adapter: try adapter(parts, inputs: inputs))
  }

  func linear(_ name: String, outputs: Int, inputs: Int, bias: Bool) throws -> Linear {
    let weight = try tensor([("\(name).weight", [outputs, inputs])], role: .matrix(inputs: inputs))
    let offset = bias ? try tensor([("\(name).bias", [outputs])], role: .bias) : nil
    return Linear(weight: weight, bias: offset, adapter: try adapter([(name, outputs)], inputs: inputs))
  }

  func norm(_ name: String, width: Int, epsilon: Double) throws -> RMSNorm {
    RMSNorm(scale: try tensor([("\(name).weight", [width])], role: .normScale), epsilon: epsilon)
  }

  /// [rows, width]
  func embedding(_ name: String, rows: Int, width: Int) throws -> Tensor {
    try tensor([("\(name).weight", [rows, width])], role: .embedding)
  }

  /// A matrix that files keep in a shape of more dimensions.
  func flattened(_ name: String, shape: [Int]) throws -> Linear {
    let inputs = shape.dropFirst().reduce(1, *)
    return Linear(weight: try tensor([(name, shape)], role: .matrix(inputs: inputs), columns: inputs), bias: nil)
  }

  /// One leaf holding the named parts below one another.
  ///
  /// - Parameter adapters: of an adapter's tensor, where its numbers come from.
  func tensor(
    _ parts: [(name: String, shape: [Int])], role: WeightRole, columns: Int? = nil, from adapters: (any WeightSource)? = nil
  ) throws -> Tensor {
    let isAdapter = adapters != nil
    let source = adapters ?? source
    let rows = parts.reduce(0) { $0 + $1.shape[0] }
    let inner = columns.map { [$0] } ?? Array(parts[0].shape.dropFirst())
    let whole = try Tensor.empty([rows] + inner, isAdapter ? .float32 : dtype, on: device)
    var firstRow = 0
    for (name, shape) in parts {
      let part = ModelParameters.Named(
        name: name, shape: shape, isAdapter: isAdapter, whole: whole, firstRow: firstRow, rows: shape[0])
      try part.tensor().copyInPlace(source.weight(name, shape: shape, role: role))
      named.append(part)
      firstRow += shape[0]
    }
    // Beside adapters nothing else is trained.
    try whole.setRequiresGradient(isAdapter || self.adapters == nil)
    trained.append(.init(name: parts.map(\.name).joined(separator: "+"), isAdapter: isAdapter, tensor: whole))
    return whole
  }
}

struct Linear {
  private let matrix: Tensor
  /// [outputs]
  let bias: Tensor?
  private let adapter: LowRankAdapter?

  init(weight: Tensor, bias: Tensor?, adapter: LowRankAdapter? = nil) {
    matrix = weight
    self.bias = bias
    self.adapter = adapter
  }

  /// [outputs, inputs]. Whoever multiplies with it would leave an adapter out.
  var weight: Tensor {
    precondition(adapter?.power.isOn != true, "decode within withMergedAdapters, or withoutAdapters")
    return matrix
  }

  func callAsFunction(_ x: Tensor) throws -> Tensor {
    let y = try x.linear(matrix, bias)
    return try adapter?(y, of: x) ?? y
  }
}

struct RMSNorm {
  let scale: Tensor
  let epsilon: Double

  func callAsFunction(_ x: Tensor) throws -> Tensor { try x.rmsNorm(scale, epsilon: epsilon) }
}
