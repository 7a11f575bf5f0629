internal import DurableFiles
internal import Tokenization
internal import VisionLanguage

/// What a supervised training starts from.
package enum ModelStart: Sendable {
  /// A model folder.
  case folder(String)
  /// A model of tiny size with random weights, and a tokenizer learnt from texts.
  ///
  /// - seed: of the weights.
  case tiny(corpus: String, vocabularySize: Int, seed: UInt64)
  /// A model of tiny size with random weights, and the tokenizer and image processor of another model's folder.
  case tinyBeside(folder: String, seed: UInt64)

  /// - Returns: the model, and the folder whose tokenizer and processor files belong to it.
  ///
  /// - Parameter scratch: an existing folder to write a new tokenizer into.
  func load(scratch: String) throws -> (policy: LoadedPolicy, files: String) {
    switch self {
    case .folder(let folder): return (try LoadedPolicy(folder: folder), folder)
    case .tiny(let corpus, let vocabularySize, let seed):
      var trainer = BytePairTrainer()
      for line in corpus.split(separator: "\n") { trainer.add(String(line)) }
      // The words of every prompt, as often as there are prompts.
      for _ in 0..<1000 {
        trainer.add(ChatTemplate.text(system: nil, problem: "", imageTokenCounts: []))
      }
      try trainer.train(vocabularySize: vocabularySize).write(to: scratch)
      try ImageProcessor().write(to: scratch)
      return (try Self.tiny(besides: scratch, seed: seed), scratch)
    case .tinyBeside(let folder, let seed): return (try Self.tiny(besides: folder, seed: seed), folder)
    }
  }

  private static func tiny(besides folder: String, seed: UInt64) throws -> LoadedPolicy {
    let encoder = try PromptEncoder(folder: folder, minPixels: nil, maxPixels: nil, maximumTokens: 32_768)
    let tokenizer = encoder.tokenizer
    let configuration = try Qwen25VLConfiguration.tiny(
      vocabularySize: tokenizer.vocabularySize,
      tokens: Qwen25VLConfiguration.SpecialTokens(
        image: Int(tokenizer.imagePad), video: Int(tokenizer.id(of: "<|video_pad|>") ?? 0),
        visionStart: Int(tokenizer.visionStart), visionEnd: Int(tokenizer.visionEnd),
        beginningOfText: Int(tokenizer.endOfText), endOfText: Int(tokenizer.imEnd)))
    return LoadedPolicy(model: try Qwen25VL(configuration, seed: seed), encoder: encoder)
  }
}
