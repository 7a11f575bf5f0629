package import DataSets
internal import Rollout
package import VisionLanguage

/// Rows in, what the model computes out, as JSON lines: `sophia logprobs` and `sophia generate`.
package enum ModelLines {
  /// One row: `prompt_ids`, `response_ids` and `logprobs` (nats, one a response token, temperature 1).
  package static func logProbabilities(of row: DataRow, _ policy: LoadedPolicy) throws -> JSONValue {
    let prompt = try policy.encoder.encode(row.task(system: nil), name: row.problemID)
    let response = policy.encoder.tokenizer.encode(row.response ?? "", allowingSpecial: true)
    guard !response.isEmpty else {
      throw PromptError(
        code: "row.empty-response", message: "the response of \(row.problemID) has no token",
        advice: "give a response of at least one token")
    }
    let scores = try PolicyScoring.score(policy.model, prompts: [prompt], responses: [[response]])
    return .object([
      .init("prompt_ids", ids(prompt.tokens)), .init("response_ids", ids(response)),
      .init("logprobs", numbers(scores.logProbabilities[0][0])),
    ])
  }

  package static func prompt(of row: DataRow, _ encoder: PromptEncoder) throws -> VisualPrompt {
    try encoder.encode(row.task(system: nil), name: row.problemID)
  }

  /// For each prompt: `response`, `response_ids` (the stop token included) and `logprobs`.
  ///
  /// - Parameter first: place of the first prompt's row in its file; draws depend on the place and on the seed.
  package static func generations(
    for prompts: [VisualPrompt], from first: Int, _ engine: GenerationEngine, _ settings: SamplingSettings, seed: UInt64
  ) throws -> [JSONValue] {
    let requests = prompts.enumerated().map { place, prompt in
      let random = CounterRandom(seed: seed, epoch: 0, prompt: UInt32(first + place), sample: 0)
      return ContinuousBatch.Request(prompt: prompt, samples: 1) { random.uniform(at: UInt32($1)) }
    }
    return try engine.run(requests, settings).map { responses in
      .object(
        responses.flatMap { response in
          [
            .init("response", .string(response.text)), .init("response_ids", ids(response.tokens)),
            .init("logprobs", numbers(response.logProbabilities)),
          ]
        })
    }
  }

  private static func ids(_ tokens: [Int32]) -> JSONValue { .array(tokens.map { .integer(Int($0)) }) }

  private static func numbers(_ values: [Float]) -> JSONValue { .array(values.map { .number(Double($0)) }) }
}
