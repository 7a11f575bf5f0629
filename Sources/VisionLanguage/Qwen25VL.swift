package import Torch

/// A prompt: token ids, in which an image stands as its number of merged tokens times the image token, and the images.
package struct VisualPrompt: Sendable {
  package let tokens: [Int32]
  package let images: [ImagePatches]

  package init(tokens: [Int32], images: [ImagePatches] = []) {
    self.tokens = tokens
    self.images = images
  }
}

/// Qwen2.5-VL: reads prompts with images, and gives hidden states, logits and log-probabilities of their continuations.
///
/// A prompt is read once (`encode`) and shared by its continuations (`hidden(after:_:)`, `logProbabilities`, `Decoding`), with
/// or without gradients. Not Sendable: it belongs to one engine's thread.
package final class Qwen25VL {
  package let configuration: Qwen25VLConfiguration
  package let dtype: DType
  package let device: Device
  package let parameters: ModelParameters
  let vision: VisionTower
  let decoder: Decoder
  private let table: RotaryTable
  /// Which axis (time, height, width) turns each rotary frequency.
  private let axes: [Int]

  init(_ configuration: Qwen25VLConfiguration, _ source: any WeightSource, dtype: DType, device: Device) throws {
    let weights = WeightReader(source, dtype: dtype, device: device)
    self.configuration = configuration
    self.dtype = dtype
    self.device = device
    vision = try VisionTower(weights, configuration.vision, dtype: dtype, device: device)
    decoder = try Decoder(weights, configuration)
    parameters = weights.parameters
    table = RotaryTable(width: configuration.headDimension, theta: configuration.ropeTheta)
    axes = configuration.mropeSection.enumerated().flatMap { [Int](repeating: $0, count: $1) }
  }

  /// A model made from nothing; the same seed makes the same one.
  package convenience init(
    _ configuration: Qwen25VLConfiguration, seed: UInt64, dtype: DType = .float32, device: Device = .cpu
  ) throws {
    try self.init(configuration, RandomWeights(seed: seed), dtype: dtype, device: device)
  }
}

// MARK: - Prompts

extension Qwen25VL {
  /// Reads a batch of prompts, each once.
  package func encode(_ prompts: [VisualPrompt]) throws -> PromptState {
    guard !prompts.isEmpty else { throw ModelError.input("there is no prompt", advice: "give at least one") }
    let positions = try prompts.map { try check($0) }
    let lengths = prompts.map(\.tokens.count)
    let (groups, padded) = (prompts.count, lengths.max() ?? 0)

    var tokens = [Int32](repeating: 0, count: groups * padded)
    var rows = RotaryRows()
    for (group, prompt) in prompts.enumerated() {
      tokens.replaceSubrange(group * padded..<group * padded + prompt.tokens.count, with: prompt.tokens)
      for place in 0..<padded {
        let known = positions[group].positions
        table.append(place < known.count ? known[place] : .zero, axes: axes, to: &rows)
      }
    }
    let rotary = try rows.rotary([groups, 1, padded, configuration.headDimension], dtype, on: device)

    var x = try decoder.embedding.embedding(Tensor(tokens, on: device))  // [groups * padded, hidden]
    if let (features, places) = try imageFeatures(prompts, positions, padded) {
      x = try x.indexCopied(0, places, features)
    }
    x = try x.reshaped([groups, 1, padded, configuration.hiddenSize])

    var layers: [PromptState.Layer] = []
    for (index, layer) in decoder.layers.enumerated() {
      let projections = try layer.project(x, rotary)
      layers.append(.init(keys: projections.keys, values: projections.values))
      if index < decoder.layers.count - 1 {
        x = try layer.finish(x, attended: layer.attendToItself(projections))
      } else {
        // Nothing reads the other tokens' last layer but through its keys and values.
        let last = try Tensor(lengths.enumerated().map { $0 * padded + $1 - 1 }, on: device)
        let queries = try projections.queries.transposed(1, 2).flattened(2, 3).flattened(0, 1).indexSelected(0, last)
        let attended = try layer.attendLast(queries, projections, mask: paddingMask(lengths, padded, extra: 0))
        let lastX = try x.flattened(0, 2).indexSelected(0, last).reshaped([groups, 1, 1, -1])
        x = try layer.finish(lastX, attended: attended)
      }
    }
    return PromptState(
      lengths: lengths, nextPositions: positions.map(\.next), lastHidden: try decoder.norm(x).reshaped([groups, -1]),
      layers: layers)
  }

  private func check(_ prompt: VisualPrompt) throws -> PromptPositions {
    let (sizes, tokens) = (configuration.vision, configuration.tokens)
    guard !prompt.tokens.isEmpty else { throw ModelError.input("the prompt is empty", advice: "give at least one token") }
    try checkTokens(prompt.tokens)
    guard !prompt.tokens.contains(Int32(tokens.video)) else {
      throw ModelError.input("the prompt holds a video token", advice: "use images; videos are not supported")
    }
    for image in prompt.images {
      let (height, width) = (image.gridHeight, image.gridWidth)
      guard height > 0, width > 0, height % sizes.spatialMergeSize == 0, width % sizes.spatialMergeSize == 0,
        image.values.count == height * width * sizes.patchElements
      else {
        throw ModelError.input(
          "an image of \(height) x \(width) patches holds \(image.values.count) numbers and does not fit the model",
          advice: "make it with the image processor of this model")
      }
    }
    let positions = try PromptPositions(
      tokens: prompt.tokens,
      grids: prompt.images.map { ($0.gridHeight / sizes.spatialMergeSize, $0.gridWidth / sizes.spatialMergeSize) },
      imageToken: Int32(tokens.image))
    guard positions.next <= configuration.maximumPositions else {
      throw ModelError.input(
        "the prompt reaches position \(positions.next), the model knows \(configuration.maximumPositions)",
        advice: "shorten the prompt or use smaller images")
    }
    return positions
  }

  func checkTokens(_ tokens: [Int32]) throws(ModelError) {
    guard let wrong = tokens.first(where: { $0 < 0 || $0 >= configuration.vocabularySize }) else { return }
    throw .input(
      "token \(wrong) is outside of the model's vocabulary of \(configuration.vocabularySize)",
      advice: "use the tokenizer that belongs to the model")
  }

  /// The tokens of all images [tokens, hidden], and their places among the prompts' [groups * padded] tokens.
  private func imageFeatures(
    _ prompts: [VisualPrompt], _ positions: [PromptPositions], _ padded: Int
  ) throws -> (features: Tensor, places: Tensor)? {
    // Images of one size stand together, in the order in which sizes first occur.
    var grids: [VisionGrid] = []
    var batches: [VisionGrid: (values: [Float], images: Int, places: [Int])] = [:]
    let merge = configuration.vision.spatialMergeSize
    for (group, prompt) in prompts.enumerated() {
      var places = positions[group].imageTokens[...]
      for image in prompt.images {
        let grid = VisionGrid(rows: image.gridHeight / merge, columns: image.gridWidth / merge)
        if batches[grid] == nil { grids.append(grid) }
        let count = grid.rows * grid.columns
        batches[grid, default: ([], 0, [])].values += image.values
        batches[grid]?.images += 1
        batches[grid]?.places += places.prefix(count).map { group * padded + $0 }
        places = places.dropFirst(count)
      }
    }
    guard !grids.isEmpty else { return nil }
    var (features, places): ([Tensor], [Int]) = ([], [])
    for grid in grids {
      guard let batch = batches[grid] else { continue }
      let patches = try Tensor(
        batch.values,
        shape: [batch.images, grid.rows * grid.columns * merge * merge, configuration.vision.patchElements])
      features.append(try vision(patches.cast(to: dtype).moved(to: device), grid: grid).flattened(0, 1))
      places += batch.places
    }
    return (
      features.count == 1 ? features[0] : try Tensor.concatenated(features, 0), try Tensor(places, on: device)
    )
  }
}

// MARK: - Continuations

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
    for (index, layer) in decoder.layers.enumerated() {
      x = try layer.finish(x, attended: layer.attend(layer.project(x, rotary), prompt: prompts.layers[index], mask: mask))
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
  func continuationRotary(_ nextPositions: [Int32], samples: Int, length: Int) throws -> Rotary {
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

  /// 0 for the tokens of each prompt and the `extra` keys after it, minus infinity for its padding.
  ///
  /// - Returns: [groups, 1, 1, padded + extra], nil if nothing is padded.
  func paddingMask(_ lengths: [Int], _ padded: Int, extra: Int) throws -> Tensor? {
    guard lengths.contains(where: { $0 != padded }) else { return nil }
    let mask = lengths.flatMap { length in
      (0..<padded + extra).map { $0 < length || $0 >= padded ? 0 : -Float.infinity }
    }
    return try Tensor(mask, shape: [lengths.count, 1, 1, padded + extra]).cast(to: dtype).moved(to: device)
  }
}
