internal import DurableFiles
internal import Foundation
internal import Limits

// config.json, in both layouts that are about: the decoder's keys at the top with `rope_scaling`, as published, or in
// `text_config` with `rope_parameters`, as newer transformers write it.
extension Qwen25VLConfiguration {
  /// Reads `config.json` of a model folder.
  package init(folder: String) throws {
    let path = folder + "/config.json"
    try self.init(json: DurableFiles.read(path, limit: Limits.standard.models.configuration), named: path)
  }

  /// - Parameter name: what error messages call the text.
  package init(json: [UInt8], named name: String) throws(ModelError) {
    let root = try ConfigurationObject(json: json, named: name)
    try root.requireArchitecture()
    let text = try root.object("text_config") ?? root
    let vision = try root.requiredObject("vision_config")
    let rope = try first(text.object("rope_parameters"), text.object("rope_scaling"), root.object("rope_scaling"))

    try text.require("hidden_act", isOneOf: ["silu"])
    try vision.require("hidden_act", isOneOf: ["silu"])
    try rope?.require("rope_type", isOneOf: ["default", "mrope"])
    try rope?.require("type", isOneOf: ["default", "mrope"])
    let visionRope = try vision.object("rope_parameters")
    try visionRope?.require("rope_type", isOneOf: ["axial", "default"])
    guard try [nil, Self.visionRopeTheta].contains(visionRope?.number("rope_theta")) else {
      throw .configuration("vision_config.rope_parameters.rope_theta is not 10000, which is not supported", in: name)
    }
    guard try text.flag("use_sliding_window") != true else {
      throw .configuration(
        "use_sliding_window is true, which is not supported", in: name, advice: "set it to false, as the published models do")
    }
    guard let mropeSection = try rope?.integers("mrope_section") else {
      throw .configuration("mrope_section is missing from rope_scaling or rope_parameters", in: name)
    }

    vocabularySize = try text.requiredInteger("vocab_size")
    hiddenSize = try text.requiredInteger("hidden_size")
    intermediateSize = try text.requiredInteger("intermediate_size")
    layerCount = try text.requiredInteger("num_hidden_layers")
    headCount = try text.requiredInteger("num_attention_heads")
    keyValueHeadCount = try text.integer("num_key_value_heads") ?? headCount
    maximumPositions = try text.integer("max_position_embeddings") ?? 32_768
    rmsNormEpsilon = try text.number("rms_norm_eps") ?? 1e-5
    ropeTheta = try first(rope?.number("rope_theta"), text.number("rope_theta")) ?? 1e6
    self.mropeSection = mropeSection
    tiesEmbeddings = try [root.flag("tie_word_embeddings"), text.flag("tie_word_embeddings")].contains(true)
    self.vision = Vision(
      depth: try vision.requiredInteger("depth"),
      hiddenSize: try vision.requiredInteger("hidden_size"),
      intermediateSize: try vision.requiredInteger("intermediate_size"),
      headCount: try vision.requiredInteger("num_heads"),
      channels: try first(vision.integer("in_channels"), vision.integer("in_chans")) ?? 3,
      patchSize: try vision.integer("patch_size") ?? 14,
      temporalPatchSize: try vision.integer("temporal_patch_size") ?? 2,
      spatialMergeSize: try vision.integer("spatial_merge_size") ?? 2,
      windowSize: try vision.integer("window_size") ?? 112,
      fullAttentionBlocks: try vision.integers("fullatt_block_indexes") ?? [7, 15, 23, 31],
      outputSize: try vision.requiredInteger("out_hidden_size"))
    tokens = SpecialTokens(
      image: try root.integer("image_token_id") ?? 151_655,
      video: try root.integer("video_token_id") ?? 151_656,
      visionStart: try root.integer("vision_start_token_id") ?? 151_652,
      visionEnd: try root.integer("vision_end_token_id") ?? 151_653,
      beginningOfText: try text.firstInteger("bos_token_id"),
      endOfText: try text.firstInteger("eos_token_id"))
    try validate(named: name)
  }
}

/// The first that is there.
private func first<Value>(_ values: Value?...) -> Value? { values.lazy.compactMap { $0 }.first }
