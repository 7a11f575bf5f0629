package import Torch

/// The trained numbers of a model.
///
/// Matrices that multiply the same input (queries, keys and values; gate and up) are one tensor each, so that training and
/// decoding take one product for them. Files and weight messages keep the names and shapes of Hugging Face: `named` are
/// windows onto the same memory.
package final class ModelParameters {
  /// A leaf of the graph, what an optimiser updates.
  package struct Trained {
    package let name: String
    package let tensor: Tensor
  }

  /// A tensor as files name it.
  package struct Named {
    package let name: String
    package let shape: [Int]
    let whole: Tensor
    let firstRow: Int
    let rows: Int

    package var count: Int { shape.reduce(1, *) }

    /// The numbers themselves, outside of the graph.
    package func tensor() throws -> Tensor {
      try whole.detached().narrowed(0, start: firstRow, length: rows).reshaped(shape)
    }
  }

  /// In the order of the layers.
  package let trained: [Trained]
  /// In the order of their names, by Unicode scalar.
  package let named: [Named]

  init(trained: [Trained], named: [Named]) {
    self.trained = trained
    self.named = named.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// How many numbers are trained.
  package var count: Int { named.reduce(0) { $0 + $1.count } }

  /// Keeps gradients for the tensors whose name `isTrained` accepts, and for no other.
  package func setTrained(where isTrained: (String) -> Bool) throws {
    for parameter in trained { try parameter.tensor.setRequiresGradient(isTrained(parameter.name)) }
  }
}

// MARK: - As bytes

extension ModelParameters {
  /// Bytes of all parameters as float32.
  package var byteCount: Int { count * MemoryLayout<Float>.size }

  /// All parameters in the order of `named`, each row-major, float32, little-endian, nothing between them.
  package func export() throws -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    for parameter in named {
      let tensor = try parameter.tensor()
      if tensor.device == .cpu, tensor.dtype == .float32 {
        try tensor.withUnsafeBytes { bytes.append(contentsOf: $0) }
      } else {
        try tensor.floats().withUnsafeBytes { bytes.append(contentsOf: $0) }
      }
    }
    return bytes
  }

  /// Overwrites every parameter with what `export` gave, in place.
  ///
  /// - Throws: before anything is changed, if the length is not `byteCount`.
  package func load(_ bytes: UnsafeRawBufferPointer) throws {
    guard bytes.count == byteCount else {
      throw ModelError.weights(
        "\(bytes.count) bytes of weights arrived for a model of \(byteCount)",
        advice: "run the same model configuration on every machine")
    }
    try withoutGradient {
      var offset = 0
      for parameter in named {
        let length = parameter.count * MemoryLayout<Float>.size
        let part = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length])
        try parameter.tensor().copyInPlace(Tensor.copying(part, shape: parameter.shape, .float32))
        offset += length
      }
    }
  }

  package func load(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try load($0) }
  }
}
