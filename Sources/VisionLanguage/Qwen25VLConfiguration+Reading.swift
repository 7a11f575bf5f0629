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

/// A JSON object of config.json, whose getters name the key that is wrong.
private struct ConfigurationObject {
  let values: [String: Any]
  /// The file's name, then the way to this object.
  let name: String

  init(json: [UInt8], named name: String) throws(ModelError) {
    let parsed: Any
    do {
      parsed = try JSONSerialization.jsonObject(with: Data(json))
    } catch {
      throw ModelError(
        code: "model.configuration", message: "\(name) is not JSON", advice: "restore the model's config.json", cause: error)
    }
    guard let values = parsed as? [String: Any] else { throw .configuration("is not a JSON object", in: name) }
    self.init(values: values, name: name)
  }

  private init(values: [String: Any], name: String) {
    self.values = values
    self.name = name
  }

  /// Null counts as absent.
  private subscript(key: String) -> Any? {
    values[key].flatMap { $0 is NSNull ? nil : $0 }
  }

  private func wrong(_ key: String, _ what: String) -> ModelError {
    .configuration("\(key) is not \(what)", in: name)
  }

  private func present<Value>(_ key: String, _ value: Value?) throws(ModelError) -> Value {
    guard let value else { throw .configuration("\(key) is missing", in: name) }
    return value
  }

  func requireArchitecture() throws(ModelError) {
    let architectures = (self["architectures"] as? [Any])?.compactMap { $0 as? String } ?? []
    let type = self["model_type"] as? String ?? architectures.first ?? "unnamed"
    guard type == "qwen2_5_vl" || type == "Qwen2_5_VLForConditionalGeneration" else {
      throw ModelError(
        code: "model.architecture", message: "\(name): the architecture \(type) is not supported",
        advice: "use a Qwen2.5-VL model (model_type qwen2_5_vl)")
    }
  }

  /// Absent is as good as allowed.
  func require(_ key: String, isOneOf allowed: [String]) throws(ModelError) {
    guard let value = self[key] else { return }
    guard let value = value as? String else { throw wrong(key, "a string") }
    guard allowed.contains(value) else {
      throw .configuration("\(key) is \(value); only \(allowed.joined(separator: " or ")) is supported", in: name)
    }
  }

  func object(_ key: String) throws(ModelError) -> ConfigurationObject? {
    guard let value = self[key] else { return nil }
    guard let value = value as? [String: Any] else { throw wrong(key, "an object") }
    return ConfigurationObject(values: value, name: "\(name): \(key)")
  }

  func requiredObject(_ key: String) throws(ModelError) -> ConfigurationObject { try present(key, object(key)) }

  func number(_ key: String) throws(ModelError) -> Double? {
    guard let value = self[key] else { return nil }
    guard let number = value as? NSNumber, !number.isBoolean else { throw wrong(key, "a number") }
    return number.doubleValue
  }

  func integer(_ key: String) throws(ModelError) -> Int? {
    guard let number = try number(key) else { return nil }
    guard let value = Int(exactly: number) else { throw wrong(key, "a whole number") }
    return value
  }

  func requiredInteger(_ key: String) throws(ModelError) -> Int { try present(key, integer(key)) }

  func integers(_ key: String) throws(ModelError) -> [Int]? {
    guard let value = self[key] else { return nil }
    let numbers = (value as? [Any])?.map { ($0 as? NSNumber).flatMap { $0.isBoolean ? nil : Int(exactly: $0.doubleValue) } }
    guard let numbers, numbers.count <= Limits.standard.models.layers, !numbers.contains(nil) else {
      throw wrong(key, "a list of whole numbers")
    }
    return numbers.compactMap { $0 }
  }

  /// A token id that may also be given as a list of several.
  func firstInteger(_ key: String) throws(ModelError) -> Int? {
    self[key] is [Any] ? try integers(key)?.first : try integer(key)
  }

  func flag(_ key: String) throws(ModelError) -> Bool? {
    guard let value = self[key] else { return nil }
    guard let number = value as? NSNumber, number.isBoolean else { throw wrong(key, "true or false") }
    return number.boolValue
  }
}

extension NSNumber {
  /// JSON's true and 1 both arrive as `NSNumber`; only the Objective-C type tells them apart.
  fileprivate var isBoolean: Bool { String(cString: objCType) == "c" }
}
