internal import Limits

/// The sizes of a Qwen2.5-VL model, as its config.json gives them.
///
/// Every value of this type has passed `validate`: layers divide as they must and no size is beyond `Limit`.
package struct Qwen25VLConfiguration: Sendable, Equatable {
  package let vocabularySize: Int
  package let hiddenSize: Int
  package let intermediateSize: Int
  package let layerCount: Int
  package let headCount: Int
  package let keyValueHeadCount: Int
  package let maximumPositions: Int
  package let rmsNormEpsilon: Double
  package let ropeTheta: Double
  /// How many of the `headDimension / 2` rotary frequencies turn with time, height and width.
  package let mropeSection: [Int]
  /// The output head is the embedding table.
  package let tiesEmbeddings: Bool
  package let vision: Vision
  package let tokens: SpecialTokens

  /// The vision tower's sizes.
  package struct Vision: Sendable, Equatable {
    package let depth: Int
    package let hiddenSize: Int
    package let intermediateSize: Int
    package let headCount: Int
    package let channels: Int
    /// Pixels a side.
    package let patchSize: Int
    /// Frames a patch; a still image is repeated that often.
    package let temporalPatchSize: Int
    /// Patches a side that become one token.
    package let spatialMergeSize: Int
    /// Pixels a side of an attention window.
    package let windowSize: Int
    /// Blocks whose attention spans the whole image.
    package let fullAttentionBlocks: [Int]
    /// The decoder's hidden size.
    package let outputSize: Int

    package var headDimension: Int { hiddenSize / headCount }
    /// Numbers a flattened patch, [channels, frames, rows, columns].
    package var patchElements: Int { channels * temporalPatchSize * patchSize * patchSize }
    /// Patches that become one token.
    package var mergeUnit: Int { spatialMergeSize * spatialMergeSize }
    /// Merged tokens a side of an attention window.
    package var windowTokens: Int { windowSize / spatialMergeSize / patchSize }
  }

  /// Token ids with a meaning to the model.
  package struct SpecialTokens: Sendable, Equatable {
    package let image: Int
    package let video: Int
    package let visionStart: Int
    package let visionEnd: Int
    package let beginningOfText: Int?
    package let endOfText: Int?

    package init(
      image: Int, video: Int, visionStart: Int, visionEnd: Int, beginningOfText: Int? = nil, endOfText: Int? = nil
    ) {
      self.image = image
      self.video = video
      self.visionStart = visionStart
      self.visionEnd = visionEnd
      self.beginningOfText = beginningOfText
      self.endOfText = endOfText
    }
  }

  /// Base of the vision tower's rotary frequencies; that of every published model, and of transformers before it was a setting.
  static let visionRopeTheta = 10_000.0

  package var headDimension: Int { hiddenSize / headCount }
  /// Query heads that share a key/value head.
  package var queriesPerKey: Int { headCount / keyValueHeadCount }
}

extension Qwen25VLConfiguration {
  /// A model small enough to train from nothing in a minute on two cores, with every part of the real one: a block with
  /// window attention and one with full attention, grouped queries, a tied head.
  package static func tiny(vocabularySize: Int, tokens: SpecialTokens) throws(ModelError) -> Qwen25VLConfiguration {
    let configuration = Qwen25VLConfiguration(
      vocabularySize: vocabularySize, hiddenSize: 96, intermediateSize: 256, layerCount: 2, headCount: 4,
      keyValueHeadCount: 2, maximumPositions: 4096, rmsNormEpsilon: 1e-6, ropeTheta: 10_000, mropeSection: [4, 4, 4],
      tiesEmbeddings: true,
      vision: Vision(
        depth: 2, hiddenSize: 48, intermediateSize: 96, headCount: 4, channels: 3, patchSize: 14, temporalPatchSize: 2,
        spatialMergeSize: 2, windowSize: 112, fullAttentionBlocks: [1], outputSize: 96),
      tokens: tokens)
    try configuration.validate(named: "tiny")
    return configuration
  }

  /// A model whose speed says something: large enough that products of matrices take the time, small enough for two cores.
  package static func benchmark(vocabularySize: Int) throws(ModelError) -> Qwen25VLConfiguration {
    let last = vocabularySize - 1
    let configuration = Qwen25VLConfiguration(
      vocabularySize: vocabularySize, hiddenSize: 512, intermediateSize: 1536, layerCount: 8, headCount: 8,
      keyValueHeadCount: 2, maximumPositions: 4096, rmsNormEpsilon: 1e-6, ropeTheta: 1e6, mropeSection: [8, 12, 12],
      tiesEmbeddings: true,
      vision: Vision(
        depth: 4, hiddenSize: 256, intermediateSize: 512, headCount: 4, channels: 3, patchSize: 14, temporalPatchSize: 2,
        spatialMergeSize: 2, windowSize: 112, fullAttentionBlocks: [3], outputSize: 512),
      tokens: SpecialTokens(image: last, video: last - 1, visionStart: last - 2, visionEnd: last - 3))
    try configuration.validate(named: "benchmark")
    return configuration
  }

  /// Refuses sizes that no model can have, naming the key as config.json spells it.
  func validate(named name: String) throws(ModelError) {
    func require(_ holds: Bool, _ what: @autoclosure () -> String) throws(ModelError) {
      guard holds else { throw .configuration(what(), in: name) }
    }
    func limit(_ key: String, _ value: Int, _ limit: Int) throws(ModelError) {
      try require((1...limit).contains(value), "\(key) is \(value), must be 1 to \(limit)")
    }
    func divides(_ key: String, _ value: Int, by other: String, _ divisor: Int) throws(ModelError) {
      try require(value % divisor == 0, "\(key) \(value) is no multiple of \(other) \(divisor)")
    }
    try limit("vocab_size", vocabularySize, Limits.standard.models.vocabulary)
    try limit("hidden_size", hiddenSize, Limits.standard.models.width)
    try limit("intermediate_size", intermediateSize, Limits.standard.models.width)
    try limit("num_hidden_layers", layerCount, Limits.standard.models.layers)
    try limit("num_attention_heads", headCount, Limits.standard.models.heads)
    try limit("num_key_value_heads", keyValueHeadCount, Limits.standard.models.heads)
    try limit("max_position_embeddings", maximumPositions, Limits.standard.models.positions)
    try divides("hidden_size", hiddenSize, by: "num_attention_heads", headCount)
    try divides("num_attention_heads", headCount, by: "num_key_value_heads", keyValueHeadCount)
    try require(headDimension % 2 == 0, "the head dimension \(headDimension) is odd")
    try require(rmsNormEpsilon > 0 && rmsNormEpsilon < 1, "rms_norm_eps is \(rmsNormEpsilon), must be between 0 and 1")
    try require(ropeTheta > 1 && ropeTheta.isFinite, "rope_theta is \(ropeTheta), must be more than 1")
    try require(
      mropeSection.count == 3 && mropeSection.allSatisfy { (0...Limits.standard.models.width).contains($0) }
        && mropeSection.reduce(0, +) == headDimension / 2,
      "mrope_section is \(mropeSection), must be three counts that add up to half the head dimension \(headDimension)")

    try limit("vision_config.depth", vision.depth, Limits.standard.models.layers)
    try limit("vision_config.hidden_size", vision.hiddenSize, Limits.standard.models.width)
    try limit("vision_config.intermediate_size", vision.intermediateSize, Limits.standard.models.width)
    try limit("vision_config.num_heads", vision.headCount, Limits.standard.models.heads)
    try limit("vision_config.in_channels", vision.channels, 16)
    try limit("vision_config.patch_size", vision.patchSize, Limits.standard.models.patch)
    try limit("vision_config.temporal_patch_size", vision.temporalPatchSize, 16)
    try limit("vision_config.spatial_merge_size", vision.spatialMergeSize, 16)
    try limit("vision_config.window_size", vision.windowSize, Limits.standard.models.patch * 16)
    try divides("vision_config.hidden_size", vision.hiddenSize, by: "vision_config.num_heads", vision.headCount)
    try require(
      vision.headDimension % 4 == 0, "the vision tower's head dimension \(vision.headDimension) is no multiple of 4")
    try require(
      vision.windowTokens >= 1,
      "vision_config.window_size \(vision.windowSize) is less than a token's \(vision.patchSize * vision.spatialMergeSize)")
    try require(
      vision.fullAttentionBlocks.allSatisfy { (0..<vision.depth).contains($0) },
      "vision_config.fullatt_block_indexes is \(vision.fullAttentionBlocks), must name blocks 0 to \(vision.depth - 1)")
    try require(
      vision.outputSize == hiddenSize,
      "vision_config.out_hidden_size \(vision.outputSize) is not the decoder's hidden_size \(hiddenSize)")

    let ids = [
      ("image_token_id", tokens.image), ("video_token_id", tokens.video),
      ("vision_start_token_id", tokens.visionStart), ("vision_end_token_id", tokens.visionEnd),
    ]
    for (key, id) in ids {
      try require((0..<vocabularySize).contains(id), "\(key) is \(id), outside of the vocabulary of \(vocabularySize)")
    }
  }
}
