internal import DurableFiles
internal import Foundation
internal import Torch

extension Qwen25VL {
  /// Writes the model's adapters into an existing folder, as PEFT does and reads them.
  ///
  /// - Parameter base: the folder of the model that they belong to, absolute.
  package func writeAdapters(base: String, to folder: String) throws {
    guard let lowRank = parameters.lowRank else { return }
    let tensors = try parameters.named.filter(\.isAdapter).map { (Self.moduleName($0.name), try $0.tensor()) }
    try SafetensorsWriter.write(tensors, to: "\(folder)/\(AdapterFolder.weightsFile)")
    try DurableFiles.write(lowRank.peftConfiguration(base: base), to: "\(folder)/\(AdapterFolder.configurationFile)")
  }

  /// Overwrites the model's adapters with those that `writeAdapters` wrote, whatever base they name.
  ///
  /// - Throws: naming the tensor, if one is missing or has another shape.
  package func readAdapters(from folder: String) throws {
    let file = try SafetensorsFile("\(folder)/\(AdapterFolder.weightsFile)")
    try withoutGradient {
      for adapter in parameters.named where adapter.isAdapter {
        try adapter.tensor().copyInPlace(file.tensor(Self.moduleName(adapter.name), shape: adapter.shape))
      }
    }
  }

  /// PEFT wraps the model of transformers, whose modules have other names than the published tensors.
  private static func moduleName(_ name: String) -> String {
    "base_model.model.model.language_model." + name.dropFirst("model.".count)
  }
}

extension LowRankSettings {
  /// adapter_config.json.
  fileprivate func peftConfiguration(base: String) throws -> [UInt8] {
    // A list of names would be looked for in the vision tower too, which has gate, up and down projections of its own.
    let names = Target.allCases.filter(targets.contains).map(\.rawValue).joined(separator: "|")
    let values: [String: Any] = [
      "alpha_pattern": [String: Any](), "auto_mapping": NSNull(), "base_model_name_or_path": base, "bias": "none",
      "fan_in_fan_out": false, "inference_mode": true, "init_lora_weights": true, "layer_replication": NSNull(),
      "layers_pattern": NSNull(), "layers_to_transform": NSNull(), "lora_alpha": alpha, "lora_dropout": 0.0,
      "modules_to_save": NSNull(), "peft_type": "LORA", "r": rank, "rank_pattern": [String: Any](), "revision": NSNull(),
      "target_modules": "model\\.(language_model\\.)?layers\\.\\d+\\.(self_attn|mlp)\\.(\(names))", "task_type": "CAUSAL_LM",
      "use_dora": false, "use_rslora": false,
    ]
    let options: JSONSerialization.WritingOptions = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return [UInt8](try JSONSerialization.data(withJSONObject: values, options: options)) + [10]
  }
}
