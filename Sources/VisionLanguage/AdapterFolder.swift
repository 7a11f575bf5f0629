internal import DurableFiles
internal import Foundation
internal import Limits
internal import Torch

/// An adapter in PEFT's layout: adapter_config.json and adapter_model.safetensors.
package struct AdapterFolder {
  static let configurationFile = "adapter_config.json"
  static let weightsFile = "adapter_model.safetensors"

  /// The folder of the model that the adapter belongs to.
  package let base: String
  let weights: SafetensorsFile
  let rank: Int
  /// Of B A.
  let scale: Double
  /// Whether some layers are left out on purpose.
  let choosesLayers: Bool
  /// By module, as the published models name it: the names in `weights`.
  let matrices: [String: (a: String, b: String)]

  /// Nil if `folder` is a model's.
  ///
  /// - Throws: naming the setting or tensor, if the adapter is of a kind that cannot be merged.
  package init?(ifIn folder: String) throws {
    let path = "\(folder)/\(Self.configurationFile)"
    let files = FileManager.default
    guard !files.fileExists(atPath: "\(folder)/config.json"), files.fileExists(atPath: path) else { return nil }
    let bytes = try DurableFiles.read(path, limit: Limits.standard.models.configuration)
    guard let values = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
      throw ModelError.adapter("\(path) is no JSON object")
    }
    try Self.checkSupported(values, path)
    guard let rank = (values["r"] as? NSNumber).flatMap({ Int(exactly: $0.doubleValue) }), rank > 0,
      let alpha = (values["lora_alpha"] as? NSNumber)?.doubleValue, alpha.isFinite,
      let base = values["base_model_name_or_path"] as? String, !base.isEmpty
    else { throw ModelError.adapter("\(path) lacks r, lora_alpha or base_model_name_or_path") }
    self.rank = rank
    let isStabilised = values["use_rslora"] as? Bool == true
    scale = isStabilised ? alpha / Double(rank).squareRoot() : alpha / Double(rank)
    choosesLayers = (values["layers_to_transform"]).map { !($0 is NSNull) } ?? false
    self.base = base.hasPrefix("/") ? base : "\(folder)/\(base)"
    guard files.fileExists(atPath: "\(self.base)/config.json") else {
      throw ModelError.adapter(
        "\(path): there is no model in \(self.base) (base_model_name_or_path)",
        advice: "let it name the folder of the base model, absolute or relative to the adapter's; models are not downloaded")
    }
    weights = try SafetensorsFile("\(folder)/\(Self.weightsFile)")
    matrices = try Self.pairs(weights)
  }

  /// PEFT has kinds of adapters that compute something else, or train more, than W + scale * B A.
  private static func checkSupported(_ values: [String: Any], _ path: String) throws(ModelError) {
    func refuse(_ key: String, unless isFine: Bool) throws(ModelError) {
      guard !isFine else { return }
      throw .adapter("\(path): \(key) is \(values[key] ?? "missing"), which is not supported")
    }
    try refuse("peft_type", unless: values["peft_type"] as? String == "LORA")
    try refuse("bias", unless: ["none", nil].contains(values["bias"] as? String))
    for (key, value) in values.sorted(by: { $0.key < $1.key }) where !withoutEffect.contains(key) {
      let isOff =
        value is NSNull || (value as? Bool) == false || (value as? [Any])?.isEmpty == true || (value as? [String: Any])?.isEmpty == true
      try refuse(key, unless: isOff)
    }
    // The others take a part out of the base weights as they begin.
    let start = values["init_lora_weights"] as? String
    try refuse("init_lora_weights", unless: start == nil || ["gaussian", "eva", "orthogonal"].contains(start))
  }

  /// Settings that are read here, or that say nothing about what the adapter computes. One that is not known may say anything.
  private static let withoutEffect: Set<String> = [
    "auto_mapping", "base_model_name_or_path", "bias", "ensure_weight_tying", "eva_config", "exclude_modules", "inference_mode",
    "init_lora_weights", "layers_pattern", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_config",
    "megatron_core", "peft_type", "peft_version", "qalora_group_size", "r", "revision", "runtime_config", "target_modules",
    "task_type", "use_rslora",
  ]

  private static func pairs(_ file: SafetensorsFile) throws(ModelError) -> [String: (a: String, b: String)] {
    var (a, b): ([String: String], [String: String]) = ([:], [:])
    for name in file.names {
      let stored = name.hasPrefix("base_model.model.") ? String(name.dropFirst("base_model.model.".count)) : name
      let published = FolderWeights.published(stored)
      if published.hasSuffix("." + AdapterNames.a) {
        a[String(published.dropLast(AdapterNames.a.count + 1))] = name
      } else if published.hasSuffix("." + AdapterNames.b) {
        b[String(published.dropLast(AdapterNames.b.count + 1))] = name
      } else {
        throw .adapter("\(file.path) holds the tensor \(name), which is no \(AdapterNames.a) or \(AdapterNames.b)")
      }
    }
    guard !a.isEmpty || !b.isEmpty else { throw .adapter("\(file.path) holds no tensor") }
    var pairs: [String: (a: String, b: String)] = [:]
    for module in Set(a.keys).union(b.keys).sorted() {
      guard let a = a[module], let b = b[module] else {
        throw .adapter("\(file.path): \(module) has no \(a[module] == nil ? AdapterNames.a : AdapterNames.b)")
      }
      pairs[module] = (a, b)
    }
    return pairs
  }
}

extension ModelError {
  static func adapter(_ message: String, advice: String? = nil) -> ModelError {
    ModelError(
      code: "model.adapter", message: message,
      advice: advice ?? "merge the adapter into its model with PEFT (merge_and_unload) and use the merged folder")
  }
}

/// The weights of a folder with an adapter merged into them, in float32.
final class MergedWeights: WeightSource {
  private let base: FolderWeights
  private let adapter: AdapterFolder
  private var left: Set<String>
  /// Of the decoder's projections of one name: one that has an adapter and one that has none.
  private var projections: [Substring: (adapted: String?, plain: String?)] = [:]

  init(_ base: FolderWeights, _ adapter: AdapterFolder) throws {
    self.base = base
    self.adapter = adapter
    left = Set(adapter.matrices.keys)
  }

  func weight(_ name: String, shape: [Int], role: WeightRole) throws -> Tensor {
    let weight = try base.weight(name, shape: shape, role: role)
    guard name.hasSuffix(".weight"), shape.count == 2 else { return weight }
    let module = String(name.dropLast(".weight".count))
    let kind = module.hasPrefix("model.layers.") ? module.split(separator: ".").last ?? "" : ""
    guard let pair = adapter.matrices[module] else {
      projections[kind, default: (nil, nil)].plain = module
      return weight
    }
    projections[kind, default: (nil, nil)].adapted = module
    left.remove(module)
    return try LowRankAdapter.merged(
      weight, a: adapter.weights.tensor(pair.a, shape: [adapter.rank, shape[1]]).cast(to: .float32),
      b: adapter.weights.tensor(pair.b, shape: [shape[0], adapter.rank]).cast(to: .float32), scale: adapter.scale)
  }

  /// An adapter of modules that the model does not have is another model's; one that leaves out layers is not whole.
  func checkAllRead() throws(ModelError) {
    if let module = left.min() {
      throw .adapter(
        "\(adapter.weights.path) adapts \(module), which \(adapter.base) does not have", advice: "use the model that the adapter was trained on")
    }
    guard !adapter.choosesLayers else { return }
    for (kind, (adapted, plain)) in projections.sorted(by: { $0.key < $1.key }) where !kind.isEmpty {
      if let adapted, let plain {
        throw .adapter("\(adapter.weights.path) has tensors for \(adapted) and none for \(plain)")
      }
    }
  }
}
