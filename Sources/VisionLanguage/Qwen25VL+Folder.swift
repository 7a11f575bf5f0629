internal import DurableFiles
package import Torch

// A model folder in the layout of Hugging Face: config.json and model.safetensors, or several files with an index.
extension Qwen25VL {
  /// Reads a model. A folder with `adapter_config.json` and no `config.json` is an adapter of PEFT's, which is merged into the
  /// model that it names.
  ///
  /// - Parameters:
  ///   - dtype: what the weights are cast to.
  ///   - adapters: to train beside the weights; their numbers depend on `seed` and their names alone.
  /// - Throws: naming the file, and the setting or tensor in it, if anything is missing, damaged, misshapen or left over.
  package convenience init(
    folder: String, dtype: DType = .float32, device: Device = .cpu, adapters: LowRankSettings? = nil, seed: UInt64 = 0
  ) throws {
    let adapterFolder = try AdapterFolder(ifIn: folder)
    let base = adapterFolder?.base ?? folder
    let configuration = try Qwen25VLConfiguration(folder: base)
    let source = try FolderWeights(base)
    let merged = try adapterFolder.map { try MergedWeights(source, $0) }
    try self.init(
      configuration, merged ?? source, dtype: dtype, device: device, lowRank: adapters,
      adapters: adapters.map { _ in RandomWeights(seed: seed) })
    try source.checkAllRead(by: self)
    try merged?.checkAllRead()
  }

  /// Writes config.json and model.safetensors into an existing folder, with the names of the published models; adapters are
  /// merged.
  package func write(to folder: String) throws {
    try SafetensorsWriter.write(parameters.merged(), to: folder + "/model.safetensors")
    try DurableFiles.write(configuration.json(dtype: dtype), to: folder + "/config.json")
  }
}

/// The weights of a folder under the names of the published models, whichever way the folder names them.
struct FolderWeights: WeightSource {
  let files: SafetensorsFolder
  /// As published -> as in the folder.
  let names: [String: String]

  init(_ folder: String) throws {
    files = try SafetensorsFolder(folder)
    var names: [String: String] = [:]
    for stored in files.names {
      let name = Self.published(stored)
      guard names.updateValue(stored, forKey: name) == nil else {
        throw ModelError.weights("\(folder) holds the tensor \(name) twice, under two names")
      }
    }
    self.names = names
  }

  /// Some versions of transformers name tensors as its modules are: `model.visual.*`, `model.language_model.*`.
  static func published(_ name: String) -> String {
    for (module, short) in [("model.language_model.", "model."), ("model.visual.", "visual.")]
    where name.hasPrefix(module) {
      return short + name.dropFirst(module.count)
    }
    return name
  }

  func weight(_ name: String, shape: [Int], role: WeightRole) throws -> Tensor {
    let tensor = try files.tensor(names[name] ?? name, shape: shape)
    guard tensor.dtype.isFloatingPoint else {
      throw ModelError.weights(
        "\(files.path): the tensor \(name) is \(tensor.dtype), which cannot be trained",
        advice: "use weights in float32, bfloat16 or float16, not quantised")
    }
    return tensor
  }

  /// A folder with more tensors than its config.json accounts for is another model's.
  func checkAllRead(by model: Qwen25VL) throws {
    if model.configuration.tiesEmbeddings { try checkHead(isEmbeddingOf: model.configuration) }
    let read = Set(model.parameters.named.map(\.name))
    let left = names.keys.filter { name in
      !read.contains(name) && !name.hasSuffix("rotary_emb.inv_freq")
        && !(name == "lm_head.weight" && model.configuration.tiesEmbeddings)
    }
    guard let first = left.min() else { return }
    let more = left.count > 1 ? " and \(left.count - 1) more" : ""
    throw ModelError.weights("\(files.path) holds the tensor \(first)\(more) that config.json has no place for")
  }

  /// Some folders hold a tied head all the same. One that differs would be passed over in silence.
  private func checkHead(isEmbeddingOf sizes: Qwen25VLConfiguration) throws {
    guard let head = names["lm_head.weight"], let embedding = names["model.embed_tokens.weight"] else { return }
    let shape = [sizes.vocabularySize, sizes.hiddenSize]
    guard try files.tensor(head, shape: shape).equals(files.tensor(embedding, shape: shape)).all().item() == 1 else {
      throw ModelError.weights(
        "\(files.path): tie_word_embeddings is true in config.json, and \(head) is not the same as \(embedding)",
        advice: "set tie_word_embeddings to false if the head is to be its own, or remove \(head)")
    }
  }
}
