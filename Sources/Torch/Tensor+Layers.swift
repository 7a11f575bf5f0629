internal import CTorch

// What layers of a transformer are made of.
extension Tensor {
  package func matmul(_ other: Tensor) throws(TorchError) -> Tensor { try binary(CTORCH_MATMUL, "matmul", other) }

  /// `self @ weight.T + bias`; weight [out, in], bias [out].
  package func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws(TorchError) -> Tensor {
    try Tensor.make("linear", [self, weight] + (bias.map { [$0] } ?? [])) {
      ctorch_linear(handle, weight.handle, bias?.handle, $0)
    }
  }

  /// `self + a @ b`.
  package func addingProduct(_ a: Tensor, _ b: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("addmm", [self, a, b]) { ctorch_addmm(handle, a.handle, b.handle, $0) }
  }

  /// The rows of the receiver, [rows, width], that `ids` (int32 or int64, any shape) name: [..., width].
  package func embedding(_ ids: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("embedding", [self, ids]) { ctorch_embedding(handle, ids.handle, $0) }
  }

  /// Root-mean-square normalisation of the last dimension: `self / sqrt(mean(self^2) + epsilon) * weight`.
  package func rmsNorm(_ weight: Tensor, epsilon: Double) throws(TorchError) -> Tensor {
    try Tensor.make("rms_norm", [self, weight]) { ctorch_rms_norm(handle, weight.handle, epsilon, $0) }
  }

  package func layerNorm(_ weight: Tensor, _ bias: Tensor, epsilon: Double) throws(TorchError) -> Tensor {
    try Tensor.make("layer_norm", [self, weight, bias]) {
      ctorch_layer_norm(handle, weight.handle, bias.handle, epsilon, $0)
    }
  }

  /// The gated unit of SwiGLU: `silu(gate) * up`, where the last dimension holds gate, then up, equally long.
  package func swiGLU() throws(TorchError) -> Tensor {
    try Tensor.make("swiglu", [self]) { ctorch_swiglu(handle, $0) }
  }

  /// Rotary position embedding of [batch, heads, tokens, width]: `self * cosine + rotateHalf(self) * sine`, where
  /// rotateHalf gives (-second half, first half). Any strides; cosine and sine broadcast and carry no gradient.
  package func rotated(cosine: Tensor, sine: Tensor) throws(TorchError) -> Tensor {
    try Tensor.make("rotate", [self, cosine, sine]) { ctorch_rotate(handle, cosine.handle, sine.handle, $0) }
  }

  /// Attention of queries (the receiver) [batch, heads, queries, width] to keys and values [batch, keyHeads, keys, width].
  ///
  /// - Parameters:
  ///   - mask: bool (true = attend) or float (added to the scores), broadcast to [batch, heads, queries, keys].
  ///   - isCausal: query i sees the keys 0 ... i; excludes `mask`.
  ///   - scale: of the scores; 1 / sqrt(width) if nil.
  ///   - groupedQueries: keys and values have fewer heads than queries.
  package func attention(
    _ keys: Tensor, _ values: Tensor, mask: Tensor? = nil, isCausal: Bool = false, scale: Double? = nil,
    groupedQueries: Bool = false
  ) throws(TorchError) -> Tensor {
    try Tensor.make("scaled_dot_product_attention", [self, keys, values] + (mask.map { [$0] } ?? [])) {
      ctorch_attention(
        handle, keys.handle, values.handle, mask?.handle, isCausal ? 1 : 0, scale ?? .nan, groupedQueries ? 1 : 0, $0)
    }
  }

  /// Log-probabilities of given tokens, without keeping the whole table of logits in the graph twice.
  ///
  /// The receiver holds the hidden states [rows, width]; `head` is [vocabulary, width]; `ids` int64 [rows].
  /// - Returns: log-probability of `ids[i]` [rows] in nats and entropy [rows] in nats (no gradient).
  package func logProbabilities(of ids: Tensor, head: Tensor) throws(TorchError) -> (logProbabilities: Tensor, entropies: Tensor) {
    var logProbabilities: OpaquePointer?
    var entropies: OpaquePointer?
    let status = ctorch_log_probabilities(handle, head.handle, ids.handle, &logProbabilities, &entropies)
    guard status == 0, let logProbabilities, let entropies else {
      throw TorchError(operation: "log_probabilities", operands: [self, head, ids])
    }
    return (Tensor(owning: logProbabilities), Tensor(owning: entropies))
  }
}
