import Images
import Testing
import Tokenization
import Torch
import TrustGRPO
import VisionLanguage

@testable import Engines

/// A model of the real architecture, as small as it gets.
func trainableModel(vocabulary: Int = 60, seed: UInt64 = 1) throws -> Qwen25VL {
  let tokens = Qwen25VLConfiguration.SpecialTokens(image: 50, video: 51, visionStart: 52, visionEnd: 53)
  return try Qwen25VL(.tiny(vocabularySize: vocabulary, tokens: tokens), seed: seed)
}

func picture(_ number: Int) throws -> ImagePatches {
  let pixels = (0..<112 * 28 * 3).map { UInt8(truncatingIfNeeded: $0 &* (2 * number + 3) / 5) }
  return try ImageProcessor().process(RGBImage(width: 112, height: 28, pixels: pixels))
}

/// A picture and a few words; prompts of different numbers have different lengths.
func picturedPrompt(_ number: Int) throws -> VisualPrompt {
  let words = (0..<Int32(4 + number % 3)).map { ($0 * 5 + Int32(number)) % 50 }
  return VisualPrompt(tokens: [52, 50, 50, 50, 50, 53] + words, images: [try picture(number)])
}

/// Numbers in [-1, 1), the same each time.
struct Draws {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  mutating func next() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }
}

/// Groups sampled from a policy a little away from `model`, so that ratios fall on both sides of the clip bounds.
func trainingGroups(_ count: Int, samples: Int = 4, like model: Qwen25VL, spread: Double = 0.5) throws -> [TrainingGroup] {
  var draws = Draws(5)
  return try (0..<count).map { number in
    let prompt = try picturedPrompt(number)
    let responses = (0..<samples).map { sample in
      (0..<Int32(2 + (number + 3 * sample) % 5)).map { ($0 * 11 + Int32(7 * sample + number)) % 50 }
    }
    let scores = try PolicyScoring.score(model, prompts: [prompt], responses: [responses])
    return TrainingGroup(
      prompt: prompt,
      responses: zip(responses, scores.logProbabilities[0]).map { tokens, found in
        .init(
          tokens: tokens, behaviourLogProbabilities: found.map { min(0, $0 + Float(draws.next() * spread)) },
          advantage: Float(draws.next() * 2))
      })
  }
}

/// Of the groups' responses under a model, nats, [group][response][token].
func logProbabilities(_ groups: [TrainingGroup], of model: Qwen25VL) throws -> [[[Float]]] {
  try PolicyScoring.score(model, prompts: groups.map(\.prompt), responses: groups.map { $0.responses.map(\.tokens) })
    .logProbabilities
}

/// What `TrustGRPO.referenceLoss` takes, from what the models say.
///
/// - Parameter proximal: as `logProbabilities(_:of:)` gives; nil for the coupled objective.
func referenceInputs(
  _ groups: [TrainingGroup], policy: Qwen25VL, reference: Qwen25VL, proximal: [[[Float]]]? = nil
) throws -> [ResponseTokens] {
  let policy = try logProbabilities(groups, of: policy).flatMap { $0 }
  let reference = try logProbabilities(groups, of: reference).flatMap { $0 }
  let proximal = proximal?.flatMap { $0 }
  return groups.flatMap(\.responses).enumerated().map { index, response in
    ResponseTokens(
      policy: policy[index].map(Double.init), behaviour: response.behaviourLogProbabilities.map(Double.init),
      proximal: proximal?[index].map(Double.init), reference: reference[index].map(Double.init),
      advantage: Double(response.advantage))
  }
}

func gradients(of model: Qwen25VL) throws -> [[Float]] {
  try model.parameters.trained.map { try $0.tensor.gradient?.floats() ?? [Float](repeating: 0, count: $0.tensor.count) }
}

/// The largest difference, as a share of the largest number of `b`.
func distance(_ a: [[Float]], _ b: [[Float]]) -> Float {
  let (x, y) = (a.flatMap { $0 }, b.flatMap { $0 })
  guard x.count == y.count else { return .infinity }
  let largest = y.lazy.map(abs).max() ?? 0
  return (zip(x, y).lazy.map { abs($0 - $1) }.max() ?? 0) / max(largest, .leastNormalMagnitude)
}
