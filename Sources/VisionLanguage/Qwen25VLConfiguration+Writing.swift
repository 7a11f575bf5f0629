internal import Foundation
package import Torch

extension Qwen25VLConfiguration {
  /// config.json in the layout of the published models, which every version of transformers that knows the model reads.
  ///
  /// - Parameter dtype: of the weights beside it, under the key of older versions and the one of newer.
  package func json(dtype: DType = .float32) throws -> [UInt8] {
    var root: [String: Any] = [
      "architectures": ["Qwen2_5_VLForConditionalGeneration"],
      "model_type": "qwen2_5_vl",
      "attention_dropout": 0.0,
      "dtype": dtype.rawValue,
      "hidden_act": "silu",
      "hidden_size": hiddenSize,
      "image_token_id": tokens.image,
      "initializer_range": 0.02,
      "intermediate_size": intermediateSize,
      "max_position_embeddings": maximumPositions,
      "max_window_layers": layerCount,
      "num_attention_heads": headCount,
      "num_hidden_layers": layerCount,
      "num_key_value_heads": keyValueHeadCount,
      "rms_norm_eps": rmsNormEpsilon,
      "rope_scaling": ["type": "mrope", "mrope_section": mropeSection] as [String: Any],
      "rope_theta": ropeTheta,
      "sliding_window": NSNull(),
      "tie_word_embeddings": tiesEmbeddings,
      "torch_dtype": dtype.rawValue,
      "use_cache": true,
      "use_sliding_window": false,
      "video_token_id": tokens.video,
      "vision_end_token_id": tokens.visionEnd,
      "vision_start_token_id": tokens.visionStart,
      "vocab_size": vocabularySize,
    ]
    root["bos_token_id"] = tokens.beginningOfText ?? NSNull()
    root["eos_token_id"] = tokens.endOfText ?? NSNull()
    root["vision_config"] =
      [
        "model_type": "qwen2_5_vl",
        "depth": vision.depth,
        "fullatt_block_indexes": vision.fullAttentionBlocks,
        "hidden_act": "silu",
        "hidden_size": vision.hiddenSize,
        "in_channels": vision.channels,
        "in_chans": vision.channels,
        "intermediate_size": vision.intermediateSize,
        "num_heads": vision.headCount,
        "out_hidden_size": vision.outputSize,
        "patch_size": vision.patchSize,
        "spatial_merge_size": vision.spatialMergeSize,
        "spatial_patch_size": vision.patchSize,
        "temporal_patch_size": vision.temporalPatchSize,
        "tokens_per_second": 2,
        "window_size": vision.windowSize,
      ] as [String: Any]
    return [UInt8](try JSONSerialization.data(withJSONObject: root, options: [.prettyPrinted, .sortedKeys])) + [10]
  }
}
