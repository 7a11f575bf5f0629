internal import DurableFiles
internal import Images
internal import Tokenization
internal import VisionLanguage

/// What a supervised training starts from.
package enum ModelStart: Sendable {
  /// A model folder.
  case folder(String)
  /// A model of tiny size with random weights, and the tokenizer and image processor that lie in a folder.
  case tiny(besides: String, seed: UInt64)

  /// - Returns: the model, and the folder whose tokenizer and processor files belong to it.
  func load() throws -> (policy: LoadedPolicy, files: String) {
    switch self {
    case .folder(let folder): return (try LoadedPolicy(folder: folder) { $0.addTraining() }, folder)
    case .tiny(let folder, let seed): return (try Self.tiny(besides: folder, seed: seed), folder)
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

/// The tokenizer and image processor of a model that is made from nothing.
package struct TinyModelFiles: Sendable {
  /// Texts to learn the tokenizer from, one a line.
  package var corpus: String
  /// Texts that are one token each.
  package var kept: [String]
  package var vocabularySize: Int
  /// Image files from which the mean and deviation that pixels are normalised with are taken. A model that starts from
  /// nothing learns to read pictures much sooner if their background is near 0.
  package var pictures: [[UInt8]]

  package init(corpus: String, kept: [String], vocabularySize: Int, pictures: [[UInt8]]) {
    self.corpus = corpus
    self.kept = kept
    self.vocabularySize = vocabularySize
    self.pictures = pictures
  }

  /// Writes the folder, whole or not at all.
  package func write(to folder: String) throws {
    var trainer = BytePairTrainer(keeping: kept)
    let lines = corpus.split(separator: "\n")
    for line in lines { trainer.add(String(line)) }
    // The words around every prompt, as often as there are prompts: every other line or so is one.
    for _ in 0..<lines.count / 2 { trainer.add(ChatTemplate.text(system: nil, problem: "", imageTokenCounts: [])) }
    let vocabulary = try trainer.train(vocabularySize: vocabularySize)
    let processor = try ImageProcessor(normalization: Self.normalization(of: pictures))
    try DurableFiles.writeFolder(folder) { aside in
      try vocabulary.write(to: aside)
      try processor.write(to: aside)
    }
  }

  /// Mean and standard deviation of each channel over all pixels; CLIP's without pictures.
  private static func normalization(of pictures: [[UInt8]]) throws -> ImageProcessor.Normalization {
    var (count, sums, squares) = (0.0, [0.0, 0, 0], [0.0, 0, 0])
    for (index, file) in pictures.enumerated() {
      let image = try ImageFile.decode(file, named: "picture \(index + 1)")
      count += Double(image.width * image.height)
      for (place, value) in image.pixels.enumerated() {
        let value = Double(value) / 255
        sums[place % 3] += value
        squares[place % 3] += value * value
      }
    }
    guard count > 0 else { return .clip }
    // To two places: files hold numbers that people can read.
    func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
    let mean = sums.map { $0 / count }
    return ImageProcessor.Normalization(
      mean: mean.map(rounded),
      standardDeviation: zip(squares, mean).map { max(0.01, rounded(max(0, $0 / count - $1 * $1).squareRoot())) })
  }
}
