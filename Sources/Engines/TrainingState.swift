internal import ActionableErrors
package import DurableFiles
internal import Foundation
internal import Torch
internal import VisionLanguage

/// A checkpoint that is not used.
package struct CheckpointError: ActionableError, Hashable {
  package let code: String
  package let message: String
  package let advice: String

  init(_ folder: String, _ what: String) {
    code = "checkpoint.damaged"
    message = "\(folder): \(what)"
    advice = "an earlier checkpoint is used if there is one; remove this folder to stop seeing this"
  }
}

/// Weights and optimiser of one moment of training, as a folder: `config.json` and `model.safetensors` (which others can
/// read), `optimizer.safetensors`, and `checkpoint.json`, which says what the rest must hash to. Where adapters are trained,
/// they are all that is kept of the weights, as PEFT keeps them; the hash of the policy says whether the base is still the same.
///
/// The numbers of the run need no more: random draws are counter-based, and the cursor of the data is the step.
package enum TrainingState {
  private struct Contents: Codable {
    var version = 1
    var step: UInt64
    /// `WeightManifest.digest` of the weights.
    var policy: String
    /// SHA-256 of each file.
    var files: [String: String]
  }

  private static let contentsFile = "checkpoint.json"
  private static let optimizerFile = "optimizer.safetensors"

  /// - Parameters:
  ///   - trained: names of the optimiser's parameters, in its order.
  ///   - base: the folder of the model beside which adapters are trained.
  ///
  /// Writes the folder aside, verifies it by reading it back, and gives it its name.
  static func write(
    _ model: Qwen25VL, _ optimizer: AdamW, trained: [String], step: UInt64, policy: SHA256Digest, base: String = "",
    to folder: String
  ) throws {
    let adapterFiles = ["adapter_config.json", "adapter_model.safetensors"]
    let modelFiles = model.parameters.hasAdapters ? adapterFiles : ["config.json", "model.safetensors"]
    try DurableFiles.writeFolder(folder) { aside in
      if model.parameters.hasAdapters {
        try model.writeAdapters(base: PolicyFolder.absolute(base), to: aside)
      } else {
        try model.write(to: aside)
      }
      try SafetensorsWriter.write(optimizer.states(named: trained), to: "\(aside)/\(optimizerFile)")
      var files: [String: String] = [:]
      for file in modelFiles + [optimizerFile] {
        files[file] = try digest(of: "\(aside)/\(file)").description
      }
      let contents = Contents(step: step, policy: policy.description, files: files)
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      try DurableFiles.write(Array(try encoder.encode(contents)), to: "\(aside)/\(contentsFile)")
      _ = try verify(aside, step: step)
    }
  }

  /// The step that the folder says it is of; nil if there is no folder.
  static func step(of folder: String) throws -> UInt64? {
    guard FileManager.default.fileExists(atPath: "\(folder)/\(contentsFile)") else { return nil }
    return try contents(of: folder).step
  }

  /// Reads the folder into the model and the optimiser, after every hash has been found to agree.
  static func read(
    _ folder: String, step: UInt64, into model: Qwen25VL, _ optimizer: AdamW, trained: [String]
  ) throws -> SHA256Digest {
    let policy = try verify(folder, step: step)
    if model.parameters.hasAdapters {
      try model.readAdapters(from: folder)
    } else {
      let weights = try SafetensorsFile("\(folder)/model.safetensors")
      try withoutGradient {
        for parameter in model.parameters.named {
          try parameter.tensor().copyInPlace(weights.tensor(parameter.name, shape: parameter.shape, on: model.device))
        }
      }
    }
    try optimizer.load(SafetensorsFile("\(folder)/\(optimizerFile)"), named: trained)
    return policy
  }

  /// Hashes every file of the folder.
  ///
  /// - Returns: the policy hash that the folder declares.
  /// - Throws: `CheckpointError` that says what is not as it was written.
  package static func verify(_ folder: String, step: UInt64) throws -> SHA256Digest {
    let contents = try contents(of: folder)
    guard contents.step == step else { throw CheckpointError(folder, "it is of step \(contents.step), not \(step)") }
    guard let policy = SHA256Digest(hex: contents.policy) else { throw CheckpointError(folder, "it names no policy hash") }
    for (file, wanted) in contents.files.sorted(by: { $0.key < $1.key }) {
      let found: SHA256Digest
      do { found = try digest(of: "\(folder)/\(file)") } catch { throw CheckpointError(folder, "\(error)") }
      guard found.description == wanted else { throw CheckpointError(folder, "\(file) is not what was written (its hash differs)") }
    }
    return policy
  }

  private static func contents(of folder: String) throws(CheckpointError) -> Contents {
    let contents: Contents
    do {
      let bytes = try DurableFiles.read("\(folder)/\(contentsFile)", limit: 1 << 20)
      contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
    } catch {
      throw CheckpointError(folder, "its \(contentsFile) cannot be read (\(error))")
    }
    guard contents.version == 1 else { throw CheckpointError(folder, "it has form \(contents.version), not 1") }
    return contents
  }

  private static func digest(of path: String) throws -> SHA256Digest {
    SHA256Digest(of: try DurableFiles.read(path, limit: .max))
  }
}
