internal import Foundation
internal import Torch
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
  /// Tokens that end a response; nil for those of the engine's tokenizer.
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

/// Draws tokens from logits, in double precision on the host.
///
/// The log-probability reported with a token is that of softmax(logits / temperature), before top-k and top-p cut it; at
/// temperature 0 it is that of softmax(logits). With temperature 1 and no cut it is the policy's own, which training divides
/// by.
struct TokenSampler {
  private let settings: SamplingSettings
  private let scale: Double
  /// exp(logit / temperature - the largest), of the row at hand.
  private var weights: [Double] = []

  init(_ settings: SamplingSettings) {
    self.settings = settings
    scale = settings.temperature > 0 ? 1 / settings.temperature : 1
  }

  mutating func choose(
    from logits: UnsafeBufferPointer<Float>, draw: () -> Double
  ) throws(ModelError) -> (token: Int32, logProbability: Float) {
    var best = 0
    for token in logits.indices where logits[token] > logits[best] { best = token }
    let largest = logits.isEmpty ? .nan : logits[best]
    if weights.count != logits.count { weights = [Double](repeating: 0, count: logits.count) }
    var total = 0.0
    for token in logits.indices {
      let weight = exp(Double(logits[token] - largest) * scale)
      weights[token] = weight
      total += weight
    }
    guard total.isFinite else {
      throw ModelError(
        code: "generation.not-finite", message: "the model's logits are not finite",
        advice: "its weights are damaged or training diverged: go back to an earlier checkpoint")
    }
    let token = settings.temperature > 0 ? drawn(draw(), total: total) : best
    let logProbability = Double(logits[token] - largest) * scale - log(total)
    return (Int32(token), min(0, Float(logProbability)))
  }

  /// The token at which the running sum of the kept weights, in the order of ids, passes `uniform` of their total.
  private func drawn(_ uniform: Double, total: Double) -> Int {
    if settings.topK == 0, settings.topP == 1 { return Self.walk(weights.indices, weights, uniform * total) }
    var kept = weights.indices.sorted { (-weights[$0], $0) < (-weights[$1], $1) }
    if settings.topK > 0 { kept = Array(kept.prefix(settings.topK)) }
    var sum = kept.reduce(0) { $0 + weights[$1] }
    if settings.topP < 1 {
      let target = settings.topP * sum
      var running = 0.0
      kept = Array(kept.prefix { token in
        defer { running += weights[token] }
        return running < target
      })
      sum = kept.reduce(0) { $0 + weights[$1] }
    }
    return Self.walk(kept.sorted(), weights, uniform * sum)
  }

  private static func walk(_ tokens: some Sequence<Int>, _ weights: [Double], _ target: Double) -> Int {
    var running = 0.0
    var last = 0
    for token in tokens where weights[token] > 0 {
      running += weights[token]
      last = token
      if running > target { break }
    }
    return last
  }
}

extension Tensor {
  /// The elements as float32, row-major, in place where they are so already.
  func withFloats(_ body: (UnsafeBufferPointer<Float>) throws -> Void) throws {
    if dtype == .float32, device == .cpu, isContiguous {
      try withUnsafeBytes { try body($0.bindMemory(to: Float.self)) }
    } else {
      try floats().withUnsafeBufferPointer { try body($0) }
    }
  }
}
