internal import VisionLanguage

/// How tokens are drawn.
package struct SamplingSettings: Sendable, Hashable {
  /// Divides the logits; 0 takes the likeliest token.
  package var temperature: Double
  /// Draws from the smallest set of likeliest tokens whose probabilities add up to this; 1 draws from all.
  package var topP: Double
  /// Draws from this many of the likeliest tokens; 0 draws from all.
  package var topK: Int
  /// Tokens a response, the stop token included.
  package var maximumTokens: Int
  /// Tokens that end a response; nil for the engine's.
  package var stopTokens: [Int32]?

  package init(
    temperature: Double = 1, topP: Double = 1, topK: Int = 0, maximumTokens: Int, stopTokens: [Int32]? = nil
  ) {
    self.temperature = temperature
    self.topP = topP
    self.topK = topK
    self.maximumTokens = maximumTokens
    self.stopTokens = stopTokens
  }

  func check() throws(ModelError) {
    func require(_ holds: Bool, _ what: String, _ advice: String) throws(ModelError) {
      guard holds else { throw ModelError(code: "generation.settings", message: what, advice: advice) }
    }
    try require(temperature >= 0 && temperature.isFinite, "temperature is \(temperature)", "use 0 or more")
    try require(topP > 0 && topP <= 1, "top-p is \(topP)", "use more than 0 and at most 1")
    try require(topK >= 0, "top-k is \(topK)", "use 0 for all tokens, or a count")
    try require(
      (1...1 << 20).contains(maximumTokens), "the most tokens of a response are \(maximumTokens)", "use 1 or more")
  }
}
