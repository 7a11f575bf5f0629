package import Rollout
package import Tokenization
internal import Torch
package import VisionLanguage

/// Samples responses from a policy, many at once.
///
/// A prompt is read by itself, and on the processor in float32 decoding gives a sequence the same bits in any company. With
/// draws that depend on sample and position alone, a response depends on the weights, its prompt and its draws, and on
/// nothing else: every process that has the same weights generates the same bits.
package final class GenerationEngine {
  package let model: Qwen25VL
  package let tokenizer: Tokenizer
  /// Bytes that keys and values may take at once.
  package let cacheLimit: Int
  /// Responses that are decoded at once, at most. More share the reading of the weights; past some dozens little is gained.
  package static let width = 64

  private var decoding: Decoding?
  private(set) var counts = ContinuousBatch.Counts()

  package init(model: Qwen25VL, tokenizer: Tokenizer, cacheLimit: Int = 1 << 30) throws(ModelError) {
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw ModelError(
        code: "model.tokenizer",
        message: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model \(model.configuration.vocabularySize)",
        advice: "use the tokenizer.json that belongs to the model")
    }
    self.model = model
    self.tokenizer = tokenizer
    self.cacheLimit = cacheLimit
  }

  /// Ends a turn, or the text.
  package var stopTokens: [Int32] { [tokenizer.imEnd, tokenizer.endOfText] }

  /// The responses of one group.
  ///
  /// - Parameter draw: a uniform number in [0, 1) for a sample and the position of a token in its response. Not asked when
  ///   greedy.
  package func generate(
    prompt: VisualPrompt, samples: Int, settings: SamplingSettings, draw: @escaping (_ sample: Int, _ position: Int) -> Double
  ) throws -> [Response] {
    try run([ContinuousBatch.Request(prompt: prompt, samples: samples, draw: draw)], settings)[0]
  }

  /// One greedy response for each prompt.
  ///
  /// - Parameter progress: told how many prompts are done; what it throws ends the generation.
  package func generateGreedily(
    prompts: [VisualPrompt], maximumTokens: Int, progress: (Int) throws -> Void = { _ in }
  ) throws -> [Response] {
    var done = 0
    return try run(
      prompts.map { ContinuousBatch.Request(prompt: $0, samples: 1) { _, _ in 0 } },
      SamplingSettings(temperature: 0, maximumTokens: maximumTokens)
    ) { _ in
      done += 1
      try progress(done)
    }.flatMap { $0 }
  }

  /// - Returns: the responses of each request, in its order.
  func run(
    _ requests: [ContinuousBatch.Request], _ settings: SamplingSettings, width: Int = GenerationEngine.width,
    ended: (Int) throws -> Void = { _ in }
  ) throws -> [[Response]] {
    try settings.check()
    guard !requests.isEmpty else { return [] }
    guard requests.allSatisfy({ $0.samples > 0 }) else {
      throw ModelError(code: "model.input", message: "no sample was asked for", advice: "ask for at least one")
    }
    var batch = ContinuousBatch(
      try decoding(for: requests, settings, width: width), requests, settings,
      stops: Set(settings.stopTokens ?? stopTokens), width: width)
    defer { counts = batch.counts }
    try batch.run(ended: ended)
    var responses = [[Response]](repeating: [], count: requests.count)
    for row in batch.rows {
      // The head may be padded with rows that stand for no token; an untrained model can draw one.
      let text = (row.finish == .stop ? row.tokens.dropLast() : row.tokens[...]).filter { $0 < tokenizer.vocabularySize }
      responses[row.request].append(
        Response(
          tokens: row.tokens, logProbabilities: row.logProbabilities, finish: row.finish ?? .length,
          text: try tokenizer.decode(text, skippingSpecial: false)))
    }
    return responses
  }

  /// Pages for the work at hand: as many as it could use at once, or as the limit allows.
  private func decoding(
    for requests: [ContinuousBatch.Request], _ settings: SamplingSettings, width: Int
  ) throws -> Decoding {
    let response = KeyValuePages.count(for: settings.maximumTokens)
    let prompts = requests.map { KeyValuePages.count(for: $0.prompt.tokens.count) }.sorted(by: >)
    let rows = min(width, requests.reduce(0) { $0 + $1.samples })
    let (bytes, longest) = (Decoding.pageBytes(model), prompts[0])
    let allowed = cacheLimit / bytes
    guard longest + response <= allowed else {
      throw ModelError(
        code: "generation.cache",
        message: """
          a response of \(settings.maximumTokens) tokens to a prompt of \(requests.map(\.prompt.tokens.count).max() ?? 0) takes \
          \((longest + response) * bytes) bytes of keys and values; \(cacheLimit) are allowed
          """,
        advice: "raise rollout.cacheMegabytes (--cache-megabytes), or allow shorter prompts or responses")
    }
    let wanted = min(allowed, prompts.prefix(rows).reduce(0, +) + rows * (response + 1))
    if let decoding, decoding.pages.count >= wanted { return decoding }
    decoding = nil
    let made = try Decoding(model, pages: wanted)
    decoding = made
    return made
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
