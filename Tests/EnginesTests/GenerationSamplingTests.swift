import Foundation
import Rollout
import Testing
import VisionLanguage

@testable import Engines

@Suite("Drawing a token from logits")
struct GenerationSamplingTests {
  static let probabilities: [Double] = [0.1, 0.4, 0.05, 0.25, 0.2]
  static let logits = probabilities.map { Float(log($0) + 3) }

  static func choose(_ settings: SamplingSettings, _ uniform: Double) throws -> (token: Int32, logProbability: Float) {
    var sampler = TokenSampler(settings)
    return try logits.withUnsafeBufferPointer { try sampler.choose(from: $0) { uniform } }
  }

  @Test("the running sum in the order of ids decides", arguments: [
    (0.0, 0), (0.099, 0), (0.101, 1), (0.499, 1), (0.501, 2), (0.551, 3), (0.801, 4), (0.9999999, 4),
  ])
  func inverse(uniform: Double, token: Int32) throws {
    let choice = try Self.choose(SamplingSettings(maximumTokens: 1), uniform)
    #expect(choice.token == token)
    #expect(abs(Double(choice.logProbability) - log(Self.probabilities[Int(token)])) < 1e-6)
  }

  struct Cut: Sendable {
    let settings: SamplingSettings
    let expected: [Double]
  }

  @Test("top-k and top-p keep the likeliest and share out the draws among them", arguments: [
    Cut(settings: SamplingSettings(topK: 2, maximumTokens: 1), expected: [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
    Cut(settings: SamplingSettings(topK: 1, maximumTokens: 1), expected: [0, 1, 0, 0, 0]),
    Cut(settings: SamplingSettings(topK: 9, maximumTokens: 1), expected: probabilities),
    Cut(settings: SamplingSettings(topP: 0.6, maximumTokens: 1), expected: [0, 0.4 / 0.65, 0, 0.25 / 0.65, 0]),
    Cut(settings: SamplingSettings(topP: 0.01, maximumTokens: 1), expected: [0, 1, 0, 0, 0]),
    Cut(settings: SamplingSettings(topP: 0.9, maximumTokens: 1), expected: [0.1 / 0.95, 0.4 / 0.95, 0, 0.25 / 0.95, 0.2 / 0.95]),
    Cut(
      settings: SamplingSettings(temperature: 0.5, maximumTokens: 1),
      expected: probabilities.map { $0 * $0 / 0.275 }),
    // Of the two kept by top-k, 0.4 / 0.65 is more than half.
    Cut(settings: SamplingSettings(topP: 0.5, topK: 2, maximumTokens: 1), expected: [0, 1, 0, 0, 0]),
  ])
  func cuts(_ cut: Cut) throws {
    let draws = 20_000
    var counts = [Int](repeating: 0, count: Self.probabilities.count)
    let random = CounterRandom(seed: 11, epoch: 0, prompt: 0, sample: 0)
    for draw in 0..<draws { counts[Int(try Self.choose(cut.settings, random.uniform(at: UInt32(draw))).token)] += 1 }
    for (count, expected) in zip(counts, cut.expected) {
      // Five standard deviations.
      let deviation = 5 * (expected * (1 - expected) / Double(draws)).squareRoot()
      #expect(abs(Double(count) / Double(draws) - expected) <= deviation)
    }
  }

  @Test("at temperature 0 the likeliest token comes, with its log-probability at temperature 1")
  func greedy() throws {
    let choice = try Self.choose(SamplingSettings(temperature: 0, maximumTokens: 1), 0.99)
    #expect(choice.token == 1)
    #expect(abs(Double(choice.logProbability) - log(0.4)) < 1e-6)
  }

  @Test("logits that are not finite are an error, not a token", arguments: [Float.nan, .infinity])
  func notFinite(value: Float) throws {
    var sampler = TokenSampler(SamplingSettings(maximumTokens: 1))
    let logits: [Float] = [0, value, 1]
    #expect(throws: ModelError.self) {
      try logits.withUnsafeBufferPointer { try sampler.choose(from: $0) { 0.5 } }
    }
  }
}
