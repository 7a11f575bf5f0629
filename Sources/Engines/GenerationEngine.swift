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

  /// Tokens that end a response: a turn's end, the text's, and those that the model's folder adds.
  package let stopTokens: [Int32]
  private var decoding: Decoding?
  private(set) var counts = ContinuousBatch.Counts()

  package convenience init(_ policy: LoadedPolicy, cacheLimit: Int = 1 << 30) throws(ModelError) {
    try self.init(
      model: policy.model, tokenizer: policy.encoder.tokenizer, stopTokens: policy.stopTokens, cacheLimit: cacheLimit)
  }

  /// - Parameter stopTokens: nil for those of the tokenizer.
  package init(
    model: Qwen25VL, tokenizer: Tokenizer, stopTokens: [Int32]? = nil, cacheLimit: Int = 1 << 30
  ) throws(ModelError) {
    guard tokenizer.vocabularySize <= model.configuration.vocabularySize else {
      throw ModelError(
        code: "model.tokenizer",
        message: "the tokenizer has \(tokenizer.vocabularySize) tokens, the model \(model.configuration.vocabularySize)",
        advice: "use the tokenizer.json that belongs to the model")
    }
    self.model = model
    self.tokenizer = tokenizer
    self.stopTokens = stopTokens ?? tokenizer.stopTokens(with: .none)
    self.cacheLimit = cacheLimit
  }

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

  /// - Parameter ended: told of each request, by its place, whose last response has ended; what it throws ends the work.
  /// - Returns: the responses of each request, in its order.
  func run(
    _ requests: [ContinuousBatch.Request], _ settings: SamplingSettings, width: Int = GenerationEngine.width,
    ended: (Int) throws -> Void = { _ in }
  ) throws -> [[Response]] {
    guard !requests.isEmpty else { return [] }
    let prompts = requests.map(\.prompt.tokens.count)
    let samples = requests.map(\.samples)
    var batch = try batch(settings, prompts: prompts, samples: samples, width: width)
    defer {
      batch.removeAll()
      counts = batch.counts
    }
    for request in requests { _ = batch.add(request) }
    var responses = [[Response]](repeating: [], count: requests.count)
    while !batch.isEmpty {
      for end in try batch.step() {
        responses[end.number] = try answers(to: end)
        try ended(end.number)
      }
    }
    return responses
  }

  /// A batch with pages for the work that is expected: as many as it could use at once, or as the limit allows.
  ///
  /// - Parameters:
  ///   - prompts: tokens of the prompts that may be there together.
  ///   - samples: responses to each.
  func batch(
    _ settings: SamplingSettings, prompts: [Int], samples: [Int], width: Int = GenerationEngine.width
  ) throws -> ContinuousBatch {
    try settings.check()
    guard samples.allSatisfy({ $0 > 0 }), !prompts.isEmpty else {
      throw ModelError(code: "model.input", message: "no sample was asked for", advice: "ask for at least one")
    }
    let wanted = try Decoding.pageCount(
      model.configuration, model.dtype, prompts: prompts, rows: min(width, samples.reduce(0, +)),
      tokens: settings.maximumTokens, limit: cacheLimit)
    if decoding.map({ $0.pages.count < wanted }) ?? true {
      decoding = nil
      decoding = try Decoding(model, pages: wanted)
    }
    guard let decoding else { preconditionFailure("it was made above") }
    return ContinuousBatch(decoding, settings, stops: Set(settings.stopTokens ?? stopTokens), width: width)
  }

  /// The responses of a request that has come to its end, with their text.
  func answers(to end: ContinuousBatch.Ended) throws -> [Response] {
    try end.rows.get().map { row in
      // The head may be padded with rows that stand for no token; an untrained model can draw one.
      let text = (row.finish == .stop ? row.tokens.dropLast() : row.tokens[...]).filter { $0 < tokenizer.vocabularySize }
      return Response(
        tokens: row.tokens, logProbabilities: row.logProbabilities, finish: row.finish ?? .length,
        text: try tokenizer.decode(text, skippingSpecial: false))
    }
  }
}

// MARK: - Weights

extension GenerationEngine {
  /// Switches to another version of the policy, in place.
  ///
  /// - Parameter bytes: a weight message, as `ModelParameters.load` takes it.
  /// - Throws: before anything is changed, if the length is not the model's.
  package func replaceWeights(_ bytes: [UInt8]) throws { try model.parameters.load(bytes) }
}
