internal import CTorch

// Shapes and indices.
extension Tensor {
  /// One length may be -1: what is left.
  package func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
    try Tensor.make("reshape", [self]) { ctorch_reshape(handle, shape, shape.count, $0) }
  }

  package func transposed(_ a: Int, _ b: Int) throws(TorchError) -> Tensor {
    try Tensor.make("transpose", [self]) { ctorch_transpose(handle, a, b, $0) }
  }

  package func permuted(_ order: [Int]) throws(TorchError) -> Tensor {
    try Tensor.make("permute", [self]) { ctorch_permute(handle, order, order.count, $0) }
  }

  package func contiguous() throws(TorchError) -> Tensor { try unary(CTORCH_CONTIGUOUS, "contiguous") }

  /// Repeats lengths of 1 without copying; -1 keeps a length.
  package func expanded(_ shape: [Int]) throws(TorchError) -> Tensor {
    try Tensor.make("expand", [self]) { ctorch_expand(handle, shape, shape.count, $0) }
  }

  package func unsqueezed(_ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("unsqueeze", [self]) { ctorch_unsqueeze(handle, dimension, $0) }
  }

  package func squeezed(_ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("squeeze", [self]) { ctorch_squeeze(handle, dimension, $0) }
  }

  /// Joins the dimensions `from ... through`.
  package func flattened(_ from: Int = 0, _ through: Int = -1) throws(TorchError) -> Tensor {
    try Tensor.make("flatten", [self]) { ctorch_flatten(handle, from, through, $0) }
  }

  /// A view of `length` entries of `dimension` from `start`.
  package func narrowed(_ dimension: Int, start: Int, length: Int) throws(TorchError) -> Tensor {
    try Tensor.make("narrow", [self]) { ctorch_narrow(handle, dimension, start, length, $0) }
  }

  /// A view of every `step`-th entry of `dimension` in `start ..< end`.
  package func sliced(_ dimension: Int, _ start: Int, _ end: Int, step: Int = 1) throws(TorchError) -> Tensor {
    try Tensor.make("slice", [self]) { ctorch_slice(handle, dimension, start, end, step, $0) }
  }

  /// A view of entry `index` of `dimension`, which goes.
  package func selected(_ dimension: Int, _ index: Int) throws(TorchError) -> Tensor {
    try Tensor.make("select", [self]) { ctorch_select(handle, dimension, index, $0) }
  }

  package static func concatenated(_ tensors: [Tensor], _ dimension: Int) throws(TorchError) -> Tensor {
    let handles = tensors.map { Optional($0.handle) }
    return try withExtendedLifetime(tensors) { () throws(TorchError) in
      try make("cat", tensors) { ctorch_cat(handles, handles.count, dimension, $0) }
    }
  }

  /// Joins along a new dimension.
  package static func stacked(_ tensors: [Tensor], _ dimension: Int) throws(TorchError) -> Tensor {
    let handles = tensors.map { Optional($0.handle) }
    return try withExtendedLifetime(tensors) { () throws(TorchError) in
      try make("stack", tensors) { ctorch_stack(handles, handles.count, dimension, $0) }
    }
  }

  /// Views of the given lengths of `dimension`, which must add up to it.
  package func split(_ lengths: [Int], _ dimension: Int) throws(TorchError) -> [Tensor] {
    var results = [OpaquePointer?](repeating: nil, count: lengths.count)
    try Tensor.check("split", [self]) { ctorch_split(handle, lengths, lengths.count, dimension, &results) }
    return results.compactMap { $0.map(Tensor.init(owning:)) }
  }

  /// Entry `index[i]` (int32 or int64, one dimension) of `dimension` becomes entry i.
  package func indexSelected(_ dimension: Int, _ index: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("index_select", [self, index]) { ctorch_index_select(handle, dimension, index.handle, $0) }
  }

  /// `result[i][j] = self[index[i][j]][j]` for dimension 0; `index` is int64.
  package func gathered(_ dimension: Int, _ index: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("gather", [self, index]) { ctorch_gather(handle, dimension, index.handle, $0) }
  }

  /// A copy with `source` written where `index` (int64) says.
  package func scattered(_ dimension: Int, _ index: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("scatter", [self, index, source]) {
      ctorch_scatter(handle, dimension, index.handle, source.handle, $0)
    }
  }

  /// A copy with the rows `source[i]` written to `index[i]` of `dimension`. Differentiable.
  package func indexCopied(_ dimension: Int, _ index: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("index_copy", [self, index, source]) {
      ctorch_index_copy(handle, dimension, index.handle, source.handle, $0)
    }
  }

  /// Writes the rows `source[i]` to `index[i]` of `dimension` of the receiver.
  package func indexCopyInPlace(_ dimension: Int, _ index: Tensor, _ source: Tensor) throws(TorchError) {
    try Tensor.check("index_copy_", [self, index, source]) {
      ctorch_index_copy_(handle, dimension, index.handle, source.handle)
    }
  }

  /// A copy with the rows of `source` added at `index[i]` of `dimension`.
  package func indexAdded(_ dimension: Int, _ index: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("index_add", [self, index, source]) {
      ctorch_index_add(handle, dimension, index.handle, source.handle, $0)
    }
  }

  /// A copy in which the elements where `mask` holds are replaced, in order, by those of `source`.
  package func maskedScattered(_ mask: Tensor, _ source: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("masked_scatter", [self, mask, source]) {
      ctorch_masked_scatter(handle, mask.handle, source.handle, $0)
    }
  }

  /// Each entry of `dimension` `times` times, one copy after the other.
  package func repeatedInterleaved(_ times: Int, _ dimension: Int) throws(TorchError) -> Tensor {
    try Tensor.make("repeat_interleave", [self]) { ctorch_repeat_interleave(handle, times, dimension, $0) }
  }

  /// The lower triangle of the last two dimensions, from `diagonal`; zero elsewhere.
  package func lowerTriangle(_ diagonal: Int = 0) throws(TorchError) -> Tensor {
    try Tensor.make("tril", [self]) { ctorch_tril(handle, diagonal, $0) }
  }

  /// One-hot rows of int64 classes: [..., classes], int64.
  package func oneHot(_ classes: Int) throws(TorchError) -> Tensor {
    try Tensor.make("one_hot", [self]) { ctorch_one_hot(handle, classes, $0) }
  }
}
