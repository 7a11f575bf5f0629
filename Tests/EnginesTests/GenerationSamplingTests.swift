import Foundation
import Rollout
import Testing
import Torch
import VisionLanguage

@testable import Engines

@Suite("Drawing a token from logits")
struct GenerationSamplingTests {
  static let probabilities: [Double] = [0.1, 0.4, 0.05, 0.25, 0.2]
  static let logits = probabilities.map { Float(log($0) + 3) }

  static func choose(_ settings: SamplingSettings, _ uniforms: [Double]) throws -> (tokens: [Int32], logProbabilities: [Float]) {
    try Tensor(logits, shape: [1, logits.count]).sampled(
      rows: uniforms.map { _ in 0 }, draws: uniforms, temperature: settings.temperature, topK: settings.topK,
      topP: settings.topP)
  }

  @Test("the running sum in the order of ids decides", arguments: [
    (0.0, 0), (0.099, 0), (0.101, 1), (0.499, 1), (0.501, 2), (0.551, 3), (0.801, 4), (0.9999999, 4),
  ])
  func inverse(uniform: Double, token: Int32) throws {
    let choice = try Self.choose(SamplingSettings(maximumTokens: 1), [uniform])
    #expect(choice.tokens == [token])
    #expect(abs(Double(choice.logProbabilities[0]) - log(Self.probabilities[Int(token)])) < 1e-6)
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
    let uniforms = (0..<draws).map { random.uniform(at: UInt32($0)) }
    for token in try Self.choose(cut.settings, uniforms).tokens { counts[Int(token)] += 1 }
    for (count, expected) in zip(counts, cut.expected) {
      // Five standard deviations.
      let deviation = 5 * (expected * (1 - expected) / Double(draws)).squareRoot()
      #expect(abs(Double(count) / Double(draws) - expected) <= deviation)
    }
  }

  @Test("at temperature 0 the likeliest token comes, with its log-probability at temperature 1")
  func greedy() throws {
    let choice = try Self.choose(SamplingSettings(temperature: 0, maximumTokens: 1), [0.99])
    #expect(choice.tokens == [1])
    #expect(abs(Double(choice.logProbabilities[0]) - log(0.4)) < 1e-6)
  }

  @Test("a row that is not finite has no token, and its neighbours have theirs", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(value: Float) throws {
    let logits = try Tensor([0, 2, 1, value, value, value, 3, 1, 2] as [Float], shape: [3, 3])
    let found = try logits.sampled(rows: [0, 1, 2], draws: [0, 0, 0], temperature: 0, topK: 0, topP: 1)
    #expect(found.tokens == [1, -1, 0])
  }

  @Test("a vocabulary of any size is drawn from as its probabilities say, up to its last token", arguments: [1, 15, 16, 17, 255, 257, 5000])
  func sizes(vocabulary: Int) throws {
    let logits = (0..<vocabulary).map { Float(sin(Double($0) * 1.7) * 3) }
    let weights = logits.map { exp(Double($0)) }
    let total = weights.reduce(0, +)
    let tensor = try Tensor(logits, shape: [1, vocabulary])
    let uniforms = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.999999, 1 - 0x1p-53]
    let found = try tensor.sampled(
      rows: uniforms.map { _ in 0 }, draws: uniforms, temperature: 1, topK: 0, topP: 1)
    for (uniform, (token, logProbability)) in zip(uniforms, zip(found.tokens, found.logProbabilities)) {
      let before = weights[..<Int(token)].reduce(0, +) / total
      #expect(before <= uniform + 1e-6 && uniform <= before + weights[Int(token)] / total + 1e-6)
      #expect(abs(Double(logProbability) - log(weights[Int(token)] / total)) < 2e-6)
    }
  }
}
