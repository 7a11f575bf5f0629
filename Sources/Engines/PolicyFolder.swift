internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Tokenization
package import Torch
package import VisionLanguage

/// A model folder in Hugging Face layout, and what of it travels to peers.
package enum PolicyFolder {
  /// What a worker needs besides the weights, which are broadcast.
  package static let configurationFiles = [
    "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "preprocessor_config.json",
    "processor_config.json", "chat_template.json", "generation_config.json",
  ]

  /// Every file that makes up the model in `folder`, weights included, in name order.
  package static func allFiles(in folder: String) throws -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let files = names.filter {
      $0.hasSuffix(".safetensors") || $0.hasSuffix(".safetensors.index.json") || $0 == ThinkingRewardForm.file
        || configurationFiles.contains($0)
    }
    guard files.contains("config.json") else {
      throw PromptError(
        code: "model.missing", message: "there is no model in \(folder) (no config.json)",
        advice: "name a folder with config.json, *.safetensors and tokenizer.json")
    }
    return files.sorted()
  }
}

/// A policy as the commands and engines use it: weights, and what turns rows into prompts.
package struct LoadedPolicy {
  package let model: Qwen25VL
  package let encoder: PromptEncoder
  /// Tokens that end a response: those of the chat template, then those that the model's generation_config.json adds.
  package let stopTokens: [Int32]

  package init(model: Qwen25VL, encoder: PromptEncoder, generation: GenerationConfiguration = .none) {
    self.model = model
    self.encoder = encoder
    stopTokens = encoder.tokenizer.stopTokens(with: generation)
  }

  /// - Parameters:
  ///   - folder: of a model, or of an adapter, whose model then has the tokenizer and processor files.
  ///   - adapters: to train beside the weights, made from `seed`.
  ///   - use: adds to the weights what else of them will be in memory, as training needs.
  /// - Throws: if a file is missing or damaged, or the tokenizer has ids that the model has no embedding for; `model.memory`,
  ///   before the weights are read, if they and what `use` adds do not fit.
  package init(
    folder: String, dtype: DType = .float32, device: Device = .cpu, minPixels: Int? = nil, maxPixels: Int? = nil,
    maximumPromptTokens: Int = 32_768, adapters: LowRankSettings? = nil, seed: UInt64 = 0,
    use: (inout ModelMemory) -> Void = { _ in }
  ) throws {
    let base = try AdapterFolder(ifIn: folder)?.base ?? folder
    let configuration = try Qwen25VLConfiguration(folder: base)
    let encoder = try PromptEncoder(
      folder: base, minPixels: minPixels, maxPixels: maxPixels, maximumTokens: maximumPromptTokens)
    try encoder.check(fits: configuration, folder: base)
    let generation = try GenerationConfiguration(folder: base, vocabularySize: configuration.vocabularySize)
    var memory = ModelMemory(configuration, dtype: dtype)
    use(&memory)
    try memory.require(for: "the model in \(folder)", on: device)
    let model = try Qwen25VL(folder: folder, dtype: dtype, device: device, adapters: adapters, seed: seed)
    self.init(model: model, encoder: encoder, generation: generation)
  }
}

extension Tokenizer {
  /// The chat template's, then the model's own, each once.
  func stopTokens(with generation: GenerationConfiguration) -> [Int32] {
    var stops: [Int32] = []
    for token in [imEnd, endOfText] + generation.endTokens where !stops.contains(token) { stops.append(token) }
    return stops
  }
}

extension PromptEncoder {
  package init(folder: String, minPixels: Int?, maxPixels: Int?, maximumTokens: Int) throws {
    var images = try ImageProcessor(preprocessorConfig: "\(folder)/preprocessor_config.json")
    if let minPixels { images.minPixels = minPixels }
    if let maxPixels { images.maxPixels = maxPixels }
    self.init(
      tokenizer: try Tokenizer(tokenizerJSON: "\(folder)/tokenizer.json"), images: images, maximumTokens: maximumTokens)
  }

  /// A tokenizer may leave rows of the embedding unused (published models pad it), but not the other way round.
  package func check(fits configuration: Qwen25VLConfiguration, folder: String) throws(PromptError) {
    guard tokenizer.vocabularySize <= configuration.vocabularySize, Int(tokenizer.imagePad) == configuration.tokens.image
    else {
      throw PromptError(
        code: "model.other-tokenizer",
        message: """
          the tokenizer in \(folder) does not fit the model: \(tokenizer.vocabularySize) tokens for \
          \(configuration.vocabularySize) embeddings, image token \(tokenizer.imagePad) where config.json has \
          \(configuration.tokens.image)
          """,
        advice: "use the tokenizer.json that belongs to the model's config.json")
    }
  }
}

extension PolicyFolder {
  /// Writes `model` as a folder, whole or not at all, with the tokenizer and processor files that lie in `origin`. Adapters
  /// are merged, and lie by themselves in its folder `adapter`, as adapters of the model in `origin`.
  ///
  /// - Parameter more: writes further files into the folder it is given.
  package static func write(
    _ model: Qwen25VL, besides origin: String, to folder: String, more: (String) throws -> Void = { _ in }
  ) throws {
    try DurableFiles.writeFolder(folder) { aside in
      try model.write(to: aside)
      for name in configurationFiles where name != "config.json" && FileManager.default.fileExists(atPath: "\(origin)/\(name)") {
        try DurableFiles.write(DurableFiles.read("\(origin)/\(name)"), to: "\(aside)/\(name)")
      }
      if model.parameters.hasAdapters {
        try DurableFiles.createFolder("\(aside)/adapter")
        try model.writeAdapters(base: absolute(origin), to: "\(aside)/adapter")
      }
      try more(aside)
    }
  }

  /// Where an adapter's base is must not depend on the folder that somebody works in.
  static func absolute(_ folder: String) -> String {
    folder.hasPrefix("/") ? folder : "\(FileManager.default.currentDirectoryPath)/\(folder)"
  }
}
