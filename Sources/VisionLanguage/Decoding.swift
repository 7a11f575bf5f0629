package import Torch

/// Decoding of several rows, token by token, each row continuing its prompt.
///
/// `samples` rows share each prompt of a `PromptState`. Keys and values stand in memory set aside at the start; a step adds
/// one token to every row. Rows that have ended go on being decoded, so that the shape, and with it every bit of the other
/// rows, does not depend on which rows end when.
package final class Decoding {
  /// Rows: groups * samples.
  package let rows: Int
  /// Tokens that can be added to each row.
  package let capacity: Int
  /// Tokens that have been added to each row.
  package private(set) var length = 0

  private let model: Qwen25VL
  private let promptLength: Int
  private let lastHidden: Tensor  // [rows, hidden]
  /// Per layer [2 (keys, values), rows, keyHeads, promptLength + capacity, headDimension].
  private let caches: [Tensor]
  private let layers: [LayerStep]
  /// [rows or 1, 1, capacity, headDimension]
  private let rotary: Rotary
  /// [rows, 1, 1, promptLength + capacity], nil if no prompt is padded.
  private let mask: Tensor?

  /// Reads `prompts` and sets memory aside.
  ///
  /// - Parameter samples: rows that share each prompt.
  package convenience init(_ model: Qwen25VL, _ prompts: [VisualPrompt], samples: Int, capacity: Int) throws {
    try self.init(model, withoutGradient { try model.encode(prompts) }, samples: samples, capacity: capacity)
  }

  package init(_ model: Qwen25VL, _ prompts: PromptState, samples: Int, capacity: Int) throws {
    self.model = model
    self.capacity = capacity
    rows = prompts.groups * samples
    promptLength = prompts.paddedLength
    let sizes = model.configuration
    let (groups, rows, slots) = (prompts.groups, rows, prompts.paddedLength + capacity)
    let longest = Int(prompts.nextPositions.max() ?? 0) + capacity
    guard longest <= sizes.maximumPositions else {
      throw ModelError.input(
        "prompt and response reach position \(longest), the model knows \(sizes.maximumPositions)",
        advice: "shorten the prompt or allow fewer tokens")
    }
    (caches, layers, rotary, mask, lastHidden) = try withoutGradient {
      let caches = try prompts.layers.map { layer in
        let cache = try Tensor.zeros(
          [2, groups, samples, sizes.keyValueHeadCount, slots, sizes.headDimension], model.dtype, on: model.device)
        for (index, prompt) in [layer.keys, layer.values].enumerated() {
          try cache.selected(0, index).narrowed(3, start: 0, length: prompts.paddedLength).copyInPlace(prompt.unsqueezed(1))
        }
        return try cache.reshaped([2, rows, sizes.keyValueHeadCount, slots, sizes.headDimension])
      }
      func perRow(_ perGroup: Tensor) throws -> Tensor { try perGroup.repeatedInterleaved(samples, 0) }
      return (
        caches, try model.decoder.layers.map(LayerStep.init),
        try model.continuationRotary(prompts.nextPositions, samples: samples, length: capacity),
        try model.paddingMask(prompts.lengths, prompts.paddedLength, extra: capacity).map { try perRow($0).contiguous() },
        try perRow(prompts.lastHidden)
      )
    }
  }

  /// Logits of the first token of each row: [rows, vocabulary].
  package func firstLogits() throws -> Tensor {
    try withoutGradient { try model.logits(lastHidden) }
  }

  /// Adds a token to each row.
  ///
  /// - Parameter tokens: [rows].
  /// - Returns: logits of the token after it, [rows, vocabulary].
  package func logits(after tokens: [Int32]) throws -> Tensor {
    guard tokens.count == rows, length < capacity else {
      throw ModelError.input(
        "\(tokens.count) tokens for \(rows) rows after \(length) of \(capacity) steps", advice: "decode within the capacity")
    }
    return try withoutGradient {
      var x = try model.decoder.embedding.embedding(Tensor(tokens, on: model.device))  // [rows, hidden]
      for (layer, cache) in zip(layers, caches) {
        x = try layer(x) { projections in
          try projections.attendedStep(
            cosine: rotary.cosine, sine: rotary.sine, cache: cache, mask: mask, step: length, slot: promptLength + length,
            heads: model.configuration.headCount)
        }
      }
      length += 1
      return try model.logits(model.decoder.norm(x))
    }
  }
}

/// A decoder layer for one token a row: the weights of `DecoderLayer`, in as few operations as there can be.
private struct LayerStep {
  let layer: DecoderLayer
  /// Windows onto the weights, [inputs, outputs]; they follow when the weights are overwritten.
  let outputTransposed: Tensor
  let downTransposed: Tensor

  init(_ layer: DecoderLayer) throws {
    self.layer = layer
    outputTransposed = try layer.output.weight.transposed(0, 1)
    downTransposed = try layer.down.weight.transposed(0, 1)
  }

  /// - Parameters:
  ///   - x: [rows, hidden].
  ///   - attend: from queries, keys and values to what the queries find.
  func callAsFunction(_ x: Tensor, attend: (Tensor) throws -> Tensor) throws -> Tensor {
    let found = try attend(layer.queriesKeysValues(layer.inputNorm(x)))
    let attended = try x.addingProduct(found, outputTransposed)
    return try attended.addingProduct(layer.gateAndUp(layer.innerNorm(attended)).swiGLU(), downTransposed)
  }
}
