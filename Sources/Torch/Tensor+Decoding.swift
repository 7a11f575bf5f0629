internal import CTorch

extension Tensor {
  /// Decoding: turns the query and key of each row's new token to its position, adds its key and value to the cache, and
  /// attends to all that is cached. The receiver holds queries, keys and values [rows, (heads + 2 * keyHeads) * width].
  ///
  /// - Parameters:
  ///   - cosine: and `sine`, as for `rotated`: contiguous [rows or 1, 1, steps, width].
  ///   - cache: keys, then values: contiguous [2, rows, keyHeads, slots, width]; `slot` is written, 0 ... `slot` are read.
  ///   - mask: added to the scores: contiguous [rows, 1, 1, slots].
  ///   - step: the row of the angles.
  /// - Returns: [rows, heads * width], outside of the graph.
  package func attendedStep(
    cosine: Tensor, sine: Tensor, cache: Tensor, mask: Tensor?, step: Int, slot: Int, heads: Int
  ) throws(TorchError) -> Tensor {
    try Tensor.make("attend_step", [self, cosine, sine, cache] + (mask.map { [$0] } ?? [])) {
      ctorch_attend_step(handle, cosine.handle, sine.handle, cache.handle, mask?.handle, step, slot, heads, $0)
    }
  }
}
