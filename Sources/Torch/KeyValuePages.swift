internal import CTorch

/// Memory for the keys and values of sequences that are decoded, in pages of a few tokens. A prompt's pages are shared by all
/// that continues it. Its size is set once: whoever finds no free page waits, or takes one from somebody.
package final class KeyValuePages {
  /// Tokens a page.
  package static let tokens = Int(CTORCH_PAGE)

  /// Of each layer [pages, keyHeads, width, tokens].
  let keys: [Tensor]
  /// Of each layer [pages, keyHeads, tokens, width rounded up].
  let values: [Tensor]
  let keyHandles: [OpaquePointer?]
  let valueHandles: [OpaquePointer?]
  package let count: Int
  private var free: [Int32]

  package init(
    pages: Int, layers: Int, keyHeads: Int, width: Int, dtype: DType = .float32, on device: Device = .cpu
  ) throws(TorchError) {
    var (keys, values): ([Tensor], [Tensor]) = ([], [])
    for _ in 0..<layers {
      // Zeros: nothing writes the columns that round a width up.
      keys.append(try Tensor.zeros([pages, keyHeads, width, Self.tokens], dtype, on: device))
      values.append(try Tensor.zeros([pages, keyHeads, Self.tokens, ctorch_padded_width(width)], dtype, on: device))
    }
    self.keys = keys
    self.values = values
    keyHandles = keys.map(\.handle)
    valueHandles = values.map(\.handle)
    count = pages
    free = (0..<Int32(pages)).reversed()
  }

  /// Bytes a page over all layers.
  package static func bytes(layers: Int, keyHeads: Int, width: Int, dtype: DType) -> Int {
    layers * keyHeads * tokens * (width + ctorch_padded_width(width)) * dtype.byteCount
  }

  /// Pages that so many tokens take.
  package static func count(for tokens: Int) -> Int { (tokens + Self.tokens - 1) / Self.tokens }

  package var freeCount: Int { free.count }

  /// So many pages, or nil if fewer are free.
  package func take(_ count: Int) -> [Int32]? {
    guard count <= free.count else { return nil }
    defer { free.removeLast(count) }
    return free.suffix(count).reversed()
  }

  package func giveBack(_ pages: [Int32]) { free.append(contentsOf: pages.reversed()) }

  /// Writes a prompt's keys and values of one layer, [keyHeads, tokens, width] each, into its pages.
  package func write(layer: Int, keys: Tensor, values: Tensor, into pages: [Int32]) throws(TorchError) {
    try Tensor.check("write_pages", [keys, values, self.keys[layer]]) {
      ctorch_write_pages(keys.handle, values.handle, keyHandles[layer], valueHandles[layer], pages, pages.count)
    }
  }
}
