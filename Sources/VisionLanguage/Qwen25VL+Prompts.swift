internal import Torch

// Reading prompts: tokens and images to keys, values and a last hidden state.
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
    let last = try Tensor(lengths.enumerated().map { $0 * padded + $1 - 1 }, on: device)
    let mask = try paddingMask(lengths, padded)
    for (index, layer) in decoder.layers.enumerated() {
      let isLast = index == decoder.layers.count - 1
      let found = try self.layer([x], outputs: 3) { given in
        let projections = try layer.project(given[0], rotary)
        // Nothing reads the other tokens' last layer but through its keys and values.
        let next =
          isLast
          ? try layer.finishLast(given[0], projections, last, mask: mask)
          : try layer.finish(given[0], attended: layer.attendToItself(projections))
        return [next, projections.keys, projections.values]
      }
      x = found[0]
      layers.append(.init(keys: found[1], values: found[2]))
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
