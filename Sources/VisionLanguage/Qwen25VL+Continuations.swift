package import Torch

// Continuations of prompts: hidden states, logits, log-probabilities.
extension Qwen25VL {
  /// The hidden states that predict each token of the continuations.
  ///
  /// Entry [g, n, r] predicts token r of continuation n of prompt g, from the prompt and the tokens before r; for r = 0 it
  /// is the prompt's last hidden state.
  ///
  /// - Returns: [groups, samples, paddedLength, hidden]; where a continuation is padded, finite and without meaning.
  package func hidden(after prompts: PromptState, _ batch: Continuations) throws -> Tensor {
    let (groups, samples, length) = (batch.groups, batch.samples, batch.paddedLength - 1)
    guard groups == prompts.groups else {
      throw ModelError.input("\(groups) groups of continuations for \(prompts.groups) prompts", advice: "give one each")
    }
    try checkTokens(batch.tokens)
    let width = configuration.hiddenSize
    let first = try prompts.lastHidden.reshaped([groups, 1, 1, width]).expanded([groups, samples, 1, width])
    guard length > 0 else { return first }

    // The last token of each predicts nothing here, so it is not read.
    let tokens = try Tensor(batch.tokens, shape: [groups, samples, length + 1], on: device)
      .narrowed(2, start: 0, length: length)
    let rotary = try continuationRotary(prompts.nextPositions, samples: samples, length: length)
    let mask = try continuationMask(prompts, samples: samples, length: length)
    var x = try decoder.embedding.embedding(tokens)  // [groups, samples, length, hidden]
    for (layer, prompt) in zip(decoder.layers, prompts.layers) {
      x = try self.layer([x, prompt.keys, prompt.values], outputs: 1) { given in
        let prompt = PromptState.Layer(keys: given[1], values: given[2])
        return [try layer.finish(given[0], attended: layer.attend(layer.project(given[0], rotary), prompt: prompt, mask: mask))]
      }[0]
    }
    return try Tensor.concatenated([first, decoder.norm(x)], 2)
  }

  /// Log-probabilities of the continuations' tokens, at temperature 1.
  ///
  /// - Returns: log-probabilities, in nats, differentiable, and the entropy of each token's distribution, in nats, without
  ///   gradient; both [groups, samples, paddedLength], float32, 0 where padded.
  package func logProbabilities(
    after prompts: PromptState, _ batch: Continuations
  ) throws -> (logProbabilities: Tensor, entropies: Tensor) {
    let hidden = try hidden(after: prompts, batch).flattened(0, 2)
    // Logits are the widest thing there is: they are worked out for tokens that exist.
    let places = batch.lengths.enumerated().flatMap { row, length in
      (0..<length).map { row * batch.paddedLength + $0 }
    }
    let index = try Tensor(places, on: device)
    let ids = try Tensor(places.map { Int64(batch.tokens[$0]) }, on: device)
    let found = try hidden.indexSelected(0, index).logProbabilities(of: ids, head: decoder.head)
    let shape = [batch.groups, batch.samples, batch.paddedLength]
    func spread(_ values: Tensor) throws -> Tensor {
      try Tensor.zeros([hidden.size(0)], .float32, on: device).indexCopied(0, index, values.cast(to: .float32)).reshaped(shape)
    }
    return (try spread(found.logProbabilities), try spread(found.entropies))
  }

  /// - Parameter hidden: [..., hidden], normalised, as `hidden(after:_:)` gives.
  /// - Returns: [..., vocabulary].
  package func logits(_ hidden: Tensor) throws -> Tensor { try hidden.linear(decoder.head) }

  /// Tokens after a prompt are text: one position each, on all three axes.
  ///
  /// - Returns: angles [groups * samples, 1, length, headDimension], of one row where all prompts end at one position.
  private func continuationRotary(_ nextPositions: [Int32], samples: Int, length: Int) throws -> Rotary {
    var rows = RotaryRows()
    let isShared = nextPositions.allSatisfy { $0 == nextPositions[0] }
    let starts = isShared ? [nextPositions[0]] : nextPositions
    for next in starts {
      for place in 0..<Int32(length) { table.append(SIMD3(repeating: next + place), axes: axes, to: &rows) }
    }
    let rotary = try rows.rotary([starts.count, 1, length, configuration.headDimension], dtype, on: device)
    if isShared { return rotary }
    return Rotary(
      cosine: try rotary.cosine.repeatedInterleaved(samples, 0), sine: try rotary.sine.repeatedInterleaved(samples, 0))
  }

  /// 0 where the tokens of a continuation may look, minus infinity elsewhere: past the end of their prompt, and ahead.
  ///
  /// - Returns: [groups * samples or 1, 1, queriesPerKey * length, paddedLength + length].
  private func continuationMask(_ prompts: PromptState, samples: Int, length: Int) throws -> Tensor {
    let padded = prompts.paddedLength
    let keys = padded + length
    let rows = prompts.isPadded ? prompts.groups : 1
    var mask = [Float](repeating: 0, count: rows * length * keys)
    for row in 0..<rows {
      for place in 0..<length {
        let start = (row * length + place) * keys
        for key in prompts.lengths[row]..<padded { mask[start + key] = -.infinity }
        for key in place + 1..<max(length, place + 1) { mask[start + padded + key] = -.infinity }
      }
    }
    let folded = configuration.queriesPerKey * length
    let one = try Tensor(mask, shape: [rows, 1, length, keys]).cast(to: dtype).moved(to: device)
      .expanded([rows, configuration.queriesPerKey, length, keys]).reshaped([rows, 1, 1, folded, keys])
    return try rows == 1
      ? one.flattened(0, 1)
      : one.expanded([rows, samples, 1, folded, keys]).flattened(0, 1)
  }

  /// 0 for the tokens of each prompt, minus infinity for its padding.
  ///
  /// - Returns: [groups, 1, 1, padded], nil if nothing is padded.
  func paddingMask(_ lengths: [Int], _ padded: Int) throws -> Tensor? {
    guard lengths.contains(where: { $0 != padded }) else { return nil }
    let mask = lengths.flatMap { length in (0..<padded).map { $0 < length ? 0 : -Float.infinity } }
    return try Tensor(mask, shape: [lengths.count, 1, 1, padded]).cast(to: dtype).moved(to: device)
  }
}
