internal import CTorch

// Sums, extremes and orders.
extension Tensor {
  @inline(__always)
  private func reduce(_ code: CTorchReduction, _ name: StaticString, _ dimension: Int, _ keep: Bool) throws(TorchError) -> Tensor {
    try Tensor.make(name, [self]) { ctorch_reduce(code, handle, dimension, keep ? 1 : 0, $0) }
  }

  @inline(__always)
  private func reduceAll(_ code: CTorchReduction, _ name: StaticString) throws(TorchError) -> Tensor {
    try Tensor.make(name, [self]) { ctorch_reduce_all(code, handle, $0) }
  }

  /// Over all elements: a tensor with no dimension.
  package func sum() throws(TorchError) -> Tensor { try reduceAll(CTORCH_SUM, "sum") }
  package func mean() throws(TorchError) -> Tensor { try reduceAll(CTORCH_MEAN, "mean") }
  package func amax() throws(TorchError) -> Tensor { try reduceAll(CTORCH_AMAX, "amax") }
  package func amin() throws(TorchError) -> Tensor { try reduceAll(CTORCH_AMIN, "amin") }
  /// - Returns: bool.
  package func all() throws(TorchError) -> Tensor { try reduceAll(CTORCH_ALL, "all") }
  package func any() throws(TorchError) -> Tensor { try reduceAll(CTORCH_ANY, "any") }

  package func sum(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_SUM, "sum", dimension, keepingDimension)
  }

  package func mean(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_MEAN, "mean", dimension, keepingDimension)
  }

  package func amax(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_AMAX, "amax", dimension, keepingDimension)
  }

  package func amin(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_AMIN, "amin", dimension, keepingDimension)
  }

  /// - Returns: int64; the first of equals.
  package func argmax(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_ARGMAX, "argmax", dimension, keepingDimension)
  }

  package func logSumExp(_ dimension: Int, keepingDimension: Bool = false) throws(TorchError) -> Tensor {
    try reduce(CTORCH_LOGSUMEXP, "logsumexp", dimension, keepingDimension)
  }

  package func cumulativeSum(_ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("cumsum", [self]) { ctorch_cumsum(handle, dimension, $0) }
  }

  package func softmax(_ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("softmax", [self]) { ctorch_softmax(handle, dimension, $0) }
  }

  package func logSoftmax(_ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("log_softmax", [self]) { ctorch_log_softmax(handle, dimension, $0) }
  }

  /// Values in order with their int64 positions; equal values keep their order.
  package func sorted(_ dimension: Int, descending: Bool = false) throws(TorchError) -> (values: Tensor, indices: Tensor) {
    var values: OpaquePointer?
    var indices: OpaquePointer?
    guard ctorch_sort(handle, dimension, descending ? 1 : 0, &values, &indices) == 0, let values, let indices else {
      throw TorchError(operation: "sort", operands: [self])
    }
    return (Tensor(owning: values), Tensor(owning: indices))
  }

  /// The `count` largest values, largest first, with their int64 positions.
  package func top(_ count: Int, _ dimension: Int) throws(TorchError) -> (values: Tensor, indices: Tensor) {
    var values: OpaquePointer?
    var indices: OpaquePointer?
    guard ctorch_topk(handle, count, dimension, &values, &indices) == 0, let values, let indices else {
      throw TorchError(operation: "topk", operands: [self])
    }
    return (Tensor(owning: values), Tensor(owning: indices))
  }
}
