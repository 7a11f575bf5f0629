package import VisionLanguage

/// One prompt with the responses that were sampled for it, as the trainer takes it.
package struct TrainingGroup: Sendable {
  package struct Response: Sendable {
    /// Token ids, the stop token included.
    package var tokens: [Int32]
    /// Under the policy that sampled them, nats, one a token.
    package var behaviourLogProbabilities: [Float]
    /// Equation 6, the same for all tokens.
    package var advantage: Float

    package init(tokens: [Int32], behaviourLogProbabilities: [Float], advantage: Float) {
      self.tokens = tokens
      self.behaviourLogProbabilities = behaviourLogProbabilities
      self.advantage = advantage
    }
  }

  package var prompt: VisualPrompt
  /// As many in every group.
  package var responses: [Response]

  package init(prompt: VisualPrompt, responses: [Response]) {
    self.prompt = prompt
    self.responses = responses
  }

  package init(promptTokens: [Int32], images: [ImagePatches], responses: [Response]) {
    self.init(prompt: VisualPrompt(tokens: promptTokens, images: images), responses: responses)
  }

  package var tokenCount: Int { responses.reduce(0) { $0 + $1.tokens.count } }

  func check() throws(TrainingError) {
    for (index, response) in responses.enumerated() {
      guard !response.tokens.isEmpty, response.tokens.count == response.behaviourLogProbabilities.count else {
        throw .batch(
          "response \(index) has \(response.tokens.count) tokens and \(response.behaviourLogProbabilities.count) log-probabilities")
      }
      guard response.advantage.isFinite, response.behaviourLogProbabilities.allSatisfy({ $0.isFinite && $0 <= 0 }) else {
        throw .batch("response \(index) has an advantage or log-probability that is no number a policy can give")
      }
    }
  }
}
