package import Rollout
package import Tokenization
package import VisionLanguage

/// Samples responses from a policy.
///
/// A group, one prompt with its samples, is decoded by itself in one fixed shape until its last row has ended. With draws that
/// depend on sample and position alone, and one thread, every process that has the same weights generates the same bits.
package final class GenerationEngine {
  package let model: Qwen25VL
  package let tokenizer: Tokenizer

  package init(model: Qwen25VL, tokenizer: Tokenizer) throws(ModelError) {
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw ModelError(
        code: "model.tokenizer",
        message: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model \(model.configuration.vocabularySize)",
        advice: "use the tokenizer.json that belongs to the model")
    }
    self.model = model
    self.tokenizer = tokenizer
  }

  /// Ends a turn, or the text.
  package var stopTokens: [Int32] { [tokenizer.imEnd, tokenizer.endOfText] }

  /// The responses of one group.
  ///
  /// - Parameter draw: a uniform number in [0, 1) for a sample and the position of a token in its response. Not asked when
  ///   greedy.
  package func generate(
    prompt: VisualPrompt, samples: Int, settings: SamplingSettings, draw: (_ sample: Int, _ position: Int) -> Double
  ) throws -> [Response] {
    try decode([prompt], samples: samples, settings: settings, draw: draw)
  }

  /// One greedy response for each prompt.
  ///
  /// Prompts of different lengths are padded into batches; a prompt's tokens do not depend on which others share its batch,
  /// except where two tokens are equally likely to the last bits.
  ///
  /// - Parameter progress: told how many prompts are done; what it throws ends the generation.
  package func generateGreedily(
    prompts: [VisualPrompt], maximumTokens: Int, batchSize: Int = 64, progress: (Int) throws -> Void = { _ in }
  ) throws -> [Response] {
    let settings = SamplingSettings(temperature: 0, maximumTokens: maximumTokens)
    var responses: [Response] = []
    for start in stride(from: 0, to: prompts.count, by: max(batchSize, 1)) {
      let batch = Array(prompts[start..<min(start + max(batchSize, 1), prompts.count)])
      responses += try decode(batch, samples: 1, settings: settings) { _, _ in 0 }
      try progress(responses.count)
    }
    return responses
  }

  private func decode(
    _ prompts: [VisualPrompt], samples: Int, settings: SamplingSettings, draw: (Int, Int) -> Double
  ) throws -> [Response] {
    try settings.check()
    guard samples > 0 else {
      throw ModelError(code: "model.input", message: "\(samples) samples were asked for", advice: "ask for at least one")
    }
    let stops = Set(settings.stopTokens ?? stopTokens)
    let decoding = try Decoding(model, prompts, samples: samples, capacity: settings.maximumTokens)
    var rows = [Row](repeating: Row(), count: decoding.rows)
    var sampler = TokenSampler(settings)
    var last = [Int32](repeating: 0, count: rows.count)
    var logits = try decoding.firstLogits()
    for position in 0..<settings.maximumTokens {
      try logits.withFloats { values in
        let width = values.count / rows.count
        for row in rows.indices where rows[row].finish == nil {
          let choice = try sampler.choose(
            from: UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width])
          ) { draw(row, position) }
          rows[row].tokens.append(choice.token)
          rows[row].logProbabilities.append(choice.logProbability)
          if stops.contains(choice.token) { rows[row].finish = .stop }
          last[row] = choice.token
        }
      }
      guard position + 1 < settings.maximumTokens, rows.contains(where: { $0.finish == nil }) else { break }
      logits = try decoding.logits(after: last)
    }
    return try rows.map { row in
      // The head may be padded with rows that stand for no token; an untrained model can draw one.
      let text = (row.finish == .stop ? row.tokens.dropLast() : row.tokens[...])
        .filter { $0 < tokenizer.vocabularySize }
      return Response(
        tokens: row.tokens, logProbabilities: row.logProbabilities, finish: row.finish ?? .length,
        text: try tokenizer.decode(text, skippingSpecial: false))
    }
  }

  private struct Row {
    var tokens: [Int32] = []
    var logProbabilities: [Float] = []
    var finish: Response.Finish?
  }
}

// MARK: - Weights

extension GenerationEngine {
  /// Switches to another version of the policy, in place.
  ///
  /// - Parameter bytes: every parameter, float32, little-endian, in the order of `model.parameters.named`.
  /// - Throws: before anything is changed, if the length is not the model's.
  package func replaceWeights(_ bytes: [UInt8]) throws { try model.parameters.load(bytes) }
}
