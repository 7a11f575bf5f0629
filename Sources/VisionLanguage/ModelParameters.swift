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
    package let isAdapter: Bool
    package let tensor: Tensor
  }

  /// A tensor as files name it.
  package struct Named {
    package let name: String
    package let shape: [Int]
    package let isAdapter: Bool
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
  /// The adapters that stand beside the weights, or that come with messages and are merged.
  package let lowRank: LowRankSettings?
  /// The tensors of a weight message, in its order, that of their names.
  package let message: [MessageEntry]
  let power: AdapterSwitch
  /// Beside the weights.
  package let hasAdapters: Bool
  let byName: [String: Named]

  init(trained: [Trained], named: [Named], lowRank: LowRankSettings? = nil, power: AdapterSwitch = AdapterSwitch()) {
    self.trained = trained
    self.named = named.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    self.lowRank = lowRank
    self.power = power
    hasAdapters = named.contains(where: \.isAdapter)
    byName = Dictionary(named.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    message = Self.message(self.named, lowRank)
  }

  /// How many numbers there are.
  package var count: Int { named.reduce(0) { $0 + $1.count } }

  /// Keeps gradients for the tensors whose name `isTrained` accepts, and for no other; of a model with adapters for these
  /// alone.
  package func setTrained(where isTrained: (String) -> Bool) throws {
    for parameter in trained {
      try parameter.tensor.setRequiresGradient((!hasAdapters || parameter.isAdapter) && isTrained(parameter.name))
    }
  }
}
