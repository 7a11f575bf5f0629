internal import ActionableErrors
internal import Images
package import Tokenization
package import VisionLanguage

/// A prompt that cannot be given to the model.
package struct PromptError: ActionableError, Hashable {
  package let code: String
  package let message: String
  package let advice: String
}

/// Turns a problem and its images into what the model reads. Every prompt of the system is made here: for rollouts,
/// training, scoring, evaluation and the commands.
package struct PromptEncoder: Sendable {
  package let tokenizer: Tokenizer
  package let images: ImageProcessor
  /// Tokens, those of images included.
  package let maximumTokens: Int

  package init(tokenizer: Tokenizer, images: ImageProcessor, maximumTokens: Int) {
    self.tokenizer = tokenizer
    self.images = images
    self.maximumTokens = maximumTokens
  }

  /// - Parameters:
  ///   - files: whole PNG or JPEG files, in the order in which they stand before the text.
  ///   - name: names the row in errors.
  package func encode(
    problem: String, system: String?, files: [[UInt8]], name: String
  ) throws -> VisualPrompt {
    let patches = try files.enumerated().map { index, file in
      try images.process(ImageFile.decode(file, named: files.count > 1 ? "image \(index + 1) of \(name)" : "the image of \(name)"))
    }
    let tokens = try ChatTemplate.prompt(
      system: system, problem: problem, imageTokenCounts: patches.map(\.mergedTokenCount), tokenizer: tokenizer)
    guard tokens.count <= maximumTokens else {
      throw PromptError(
        code: "prompt.too-long", message: "the prompt of \(name) has \(tokens.count) tokens, more than \(maximumTokens)",
        advice: "raise data.maximumPromptTokens, lower data.maxPixels, or shorten the problem")
    }
    return VisualPrompt(tokens: tokens, images: patches)
  }
}
