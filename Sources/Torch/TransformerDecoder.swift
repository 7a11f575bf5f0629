internal import CTorch

/// One step of decoding for many sequences at once: the weights of a decoder with grouped-query attention, rotary positions and
/// gated feed-forward parts, as one pass over all layers.
///
/// On the processor in float32, what a step computes for a sequence does not depend, to the bit, on which sequences share
/// the step. Other devices and dtypes take libtorch's operations, where it may in the last bits.
package final class TransformerDecoder {
  /// The weights of a layer. Matrices are [outputs, inputs], norms and biases [width].
  package struct Layer {
    package var inputNorm: Tensor
    /// [(heads + 2 * keyHeads) * width, hidden]
    package var queriesKeysValues: Tensor
    package var queriesKeysValuesBias: Tensor
    package var output: Tensor
    package var innerNorm: Tensor
    /// Gate, then up: [2 * inner, hidden].
    package var gateAndUp: Tensor
    package var down: Tensor

    package init(
      inputNorm: Tensor, queriesKeysValues: Tensor, queriesKeysValuesBias: Tensor, output: Tensor, innerNorm: Tensor,
      gateAndUp: Tensor, down: Tensor
    ) {
      self.inputNorm = inputNorm
      self.queriesKeysValues = queriesKeysValues
      self.queriesKeysValuesBias = queriesKeysValuesBias
      self.output = output
      self.innerNorm = innerNorm
      self.gateAndUp = gateAndUp
      self.down = down
    }
  }

  /// A sequence of a step: its prompt, what was decoded after it, and one new token.
  package struct Sequence {
    /// The new token.
    package var token: Int32
    /// Of the new token; a row of the angles.
    package var position: Int32
    package var promptLength: Int
    /// Tokens after the prompt, the new one included.
    package var length: Int
    /// Pages of the prompt, then those of what follows it.
    package var pages: [Int32]

    package init(token: Int32, position: Int32, promptLength: Int, length: Int, pages: [Int32]) {
      self.token = token
      self.position = position
      self.promptLength = promptLength
      self.length = length
      self.pages = pages
    }
  }

  private let handle: OpaquePointer
  private let layerCount: Int

  /// Keeps the tensors: weights that are overwritten in place are the new ones from the next step on.
  ///
  /// - Parameters:
  ///   - embedding: [vocabulary, hidden], as `head`.
  ///   - width: of a head.
  package init(
    layers: [Layer], embedding: Tensor, norm: Tensor, head: Tensor, epsilon: Double, heads: Int, keyHeads: Int, width: Int
  ) throws(TorchError) {
    let parts = layers.map { layer in
      CTorchDecoderLayer(
        inputNorm: layer.inputNorm.handle, queriesKeysValues: layer.queriesKeysValues.handle,
        queriesKeysValuesBias: layer.queriesKeysValuesBias.handle, output: layer.output.handle,
        innerNorm: layer.innerNorm.handle, gateAndUp: layer.gateAndUp.handle, down: layer.down.handle)
    }
    var made: OpaquePointer?
    let status = parts.withUnsafeBufferPointer { parts in
      var all = CTorchDecoderParts(
        layers: parts.baseAddress, layerCount: parts.count, embedding: embedding.handle, norm: norm.handle,
        head: head.handle, epsilon: epsilon, heads: heads, keyHeads: keyHeads, width: width)
      return ctorch_decoder_make(&all, &made)
    }
    guard status == 0, let made else { throw TorchError(operation: "decoder_make", operands: [embedding, head]) }
    handle = made
    layerCount = layers.count
  }

  deinit { ctorch_decoder_release(handle) }

  /// Adds each sequence's new token to its last page and gives the logits of the token after it.
  ///
  /// - Parameters:
  ///   - angles: cosines and sines, [positions, width], float32.
  /// - Returns: [sequences, vocabulary].
  package func step(
    _ sequences: [Sequence], _ memory: KeyValuePages, angles: (cosine: Tensor, sine: Tensor)
  ) throws(TorchError) -> Tensor {
    precondition(memory.keys.count == layerCount, "pages of another model")
    let tableWidth = sequences.reduce(0) { max($0, $1.pages.count) }
    var table = [Int32](repeating: -1, count: sequences.count * tableWidth)
    for (row, sequence) in sequences.enumerated() {
      for (place, page) in sequence.pages.enumerated() { table[row * tableWidth + place] = page }
    }
    let (tokens, positions) = (sequences.map(\.token), sequences.map(\.position))
    let (prompts, lengths) = (sequences.map(\.promptLength), sequences.map(\.length))
    return try Tensor.make("decoder_step", [angles.cosine] + memory.keys) { out in
      tokens.withUnsafeBufferPointer { tokens in
        positions.withUnsafeBufferPointer { positions in
          prompts.withUnsafeBufferPointer { prompts in
            lengths.withUnsafeBufferPointer { lengths in
              table.withUnsafeBufferPointer { table in
                var rows = CTorchSequences(
                  count: tokens.count, tokens: tokens.baseAddress, positions: positions.baseAddress,
                  promptLengths: prompts.baseAddress, lengths: lengths.baseAddress, pages: table.baseAddress,
                  pageTableWidth: tableWidth)
                return ctorch_decoder_step(
                  handle, memory.keyHandles, memory.valueHandles, angles.cosine.handle, angles.sine.handle, &rows, out)
              }
            }
          }
        }
      }
    }
  }
}
