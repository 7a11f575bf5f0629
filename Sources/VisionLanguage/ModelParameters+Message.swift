package import Torch

// Weights as they travel: every tensor's bytes, one after the other.
extension ModelParameters {
  package struct MessageEntry: Sendable, Hashable {
    package let name: String
    package let shape: [Int]
    package let dtype: DType

    package var byteCount: Int { shape.reduce(dtype.byteCount, *) }
  }

  /// A model that merges adapters has none of its own: they stand in the message between the weights all the same.
  static func message(_ named: [Named], _ lowRank: LowRankSettings?) -> [MessageEntry] {
    var entries = named.map { MessageEntry(name: $0.name, shape: $0.shape, dtype: $0.whole.dtype) }
    if let lowRank, !named.contains(where: \.isAdapter) {
      for weight in named {
        guard let module = weight.module, lowRank.adapts(module) else { continue }
        entries.append(.init(name: "\(module).\(AdapterNames.a)", shape: [lowRank.rank, weight.shape[1]], dtype: .float32))
        entries.append(.init(name: "\(module).\(AdapterNames.b)", shape: [weight.shape[0], lowRank.rank], dtype: .float32))
      }
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Of a weight message.
  package var byteCount: Int { message.reduce(0) { $0 + $1.byteCount } }

  /// All parameters in the order of `named`, each row-major, in its own dtype, little-endian, nothing between them. Adapters
  /// and the weights beside which they stand are tensors of their own, so that weights that stay cost nothing in a delta.
  package func export() throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for parameter in named {
      try parameter.tensor().moved(to: .cpu).withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    return bytes
  }

  /// Overwrites every parameter with what `export` of a model of the same dtype gave, in place. A model without adapters whose message has some takes
  /// W + alpha / rank * B A, worked out in float32, for each weight that has one.
  ///
  /// - Throws: before anything is changed, if the length is not `byteCount`.
  package func load(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count == byteCount else {
      throw ModelError.weights(
        "\(bytes.count) bytes of weights arrived for a model of \(byteCount)",
        advice: "run the same model configuration on every machine")
    }
    var places: [String: (entry: MessageEntry, range: Range<Int>)] = [:]
    var offset = 0
    for entry in message {
      places[entry.name] = (entry, offset..<offset + entry.byteCount)
      offset += entry.byteCount
    }
    func received(_ name: String) throws -> Tensor? {
      guard let (entry, range) = places[name] else { return nil }
      return try Tensor.copying(UnsafeRawBufferPointer(rebasing: bytes[range]), shape: entry.shape, entry.dtype)
    }
    try withoutGradient {
      for parameter in named {
        guard var weight = try received(parameter.name) else { continue }
        if !hasAdapters, let lowRank, let module = parameter.module,
          let a = try received("\(module).\(AdapterNames.a)"), let b = try received("\(module).\(AdapterNames.b)")
        {
          let device = parameter.whole.device
          weight = try LowRankAdapter.merged(
            weight.moved(to: device), a: a.moved(to: device), b: b.moved(to: device), scale: lowRank.scale)
        }
        try parameter.tensor().copyInPlace(weight)
      }
    }
  }

  package func load(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try load($0) }
  }
}

extension ModelParameters.Named {
  /// The module whose matrix this is; nil if it is something else.
  var module: String? {
    shape.count == 2 && !isAdapter && name.hasSuffix(".weight") ? String(name.dropLast(".weight".count)) : nil
  }
}
