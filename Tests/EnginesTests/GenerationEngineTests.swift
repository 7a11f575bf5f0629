import Foundation
import Rollout
import Testing
import Tokenization
import Torch
import VisionLanguage

@testable import Engines

@Suite("Generation")
struct GenerationEngineTests {
  static func engine(seed: UInt64 = 5) throws -> GenerationEngine {
    var trainer = BytePairTrainer()
    trainer.add("red 5 . blue 3 . 5 + 3 = 8 . roughly clearly surely <think> </think> <answer> </answer>")
    let tokenizer = try trainer.train(vocabularySize: 300).tokenizer()
    let tokens = Qwen25VLConfiguration.SpecialTokens(
      image: Int(tokenizer.imagePad), video: Int(try #require(tokenizer.id(of: "<|video_pad|>"))),
      visionStart: Int(tokenizer.visionStart), visionEnd: Int(tokenizer.visionEnd))
    let model = try Qwen25VL(.tiny(vocabularySize: tokenizer.vocabularySize, tokens: tokens), seed: seed)
    // Wide enough for unequal probabilities, and not so wide that a token only ever predicts itself.
    let embedding = try #require(model.parameters.trained.first { $0.name == "model.embed_tokens.weight" }).tensor
    try withoutGradient { try embedding.copyInPlace(embedding / (embedding * embedding).mean().sqrt() * 0.06) }
    return try GenerationEngine(model: model, tokenizer: tokenizer)
  }

  static func prompt(_ engine: GenerationEngine, _ text: String) -> VisualPrompt {
    VisualPrompt(tokens: engine.tokenizer.encode(text))
  }

  static func draw(seed: UInt64) -> (Int, Int) -> Double {
    { sample, position in
      CounterRandom(seed: seed, epoch: 0, prompt: 1, sample: UInt32(sample)).uniform(at: UInt32(position))
    }
  }

  @Test("the same draws give the same bits, in this engine and in another; other draws another group")
  func repeatable() throws {
    let settings = SamplingSettings(maximumTokens: 20)
    let engine = try Self.engine()
    let prompt = Self.prompt(engine, "red + blue ?")
    let group = try engine.generate(prompt: prompt, samples: 8, settings: settings, draw: Self.draw(seed: 1))
    #expect(try engine.generate(prompt: prompt, samples: 8, settings: settings, draw: Self.draw(seed: 1)) == group)
    #expect(try Self.engine().generate(prompt: prompt, samples: 8, settings: settings, draw: Self.draw(seed: 1)) == group)
    #expect(try engine.generate(prompt: prompt, samples: 8, settings: settings, draw: Self.draw(seed: 2)) != group)
    #expect(Set(group.map(\.tokens)).count > 1)
  }

  @Test("the behaviour log-probabilities are those that scoring gives the same tokens")
  func behaviour() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(engine, "red or blue ?")
    let group = try engine.generate(
      prompt: prompt, samples: 8, settings: SamplingSettings(maximumTokens: 16), draw: Self.draw(seed: 3))
    let scores = try PolicyScoring.score(engine.model, prompts: [prompt], responses: [group.map(\.tokens)])
    for (response, scored) in zip(group, scores.logProbabilities[0]) {
      #expect(response.logProbabilities.count == response.tokens.count)
      for (a, b) in zip(response.logProbabilities, scored) { #expect(abs(a - b) < 1e-4) }
    }
  }

  @Test("a response ends at a stop token, which belongs to it but not to its text, or at the limit")
  func ends() throws {
    let engine = try Self.engine()
    let prompt = Self.prompt(engine, "red ?")
    let free = try engine.generate(
      prompt: prompt, samples: 8, settings: SamplingSettings(maximumTokens: 12, stopTokens: []), draw: Self.draw(seed: 4))
    #expect(free.allSatisfy { $0.finish == .length && $0.tokens.count == 12 })
    let stop = free[0].tokens[5]
    let stopped = try engine.generate(
      prompt: prompt, samples: 8, settings: SamplingSettings(maximumTokens: 12, stopTokens: [stop]),
      draw: Self.draw(seed: 4))
    for (whole, part) in zip(free, stopped) {
      let end = whole.tokens.firstIndex(of: stop)
      #expect(part.finish == (end == nil ? .length : .stop))
      // Rows that go on are not moved by those that ended.
      #expect(part.tokens == Array(whole.tokens.prefix((end ?? 11) + 1)))
      #expect(part.logProbabilities == Array(whole.logProbabilities.prefix(part.tokens.count)))
      let text = try engine.tokenizer.decode(end.map { Array(whole.tokens[..<$0]) } ?? whole.tokens, skippingSpecial: false)
      #expect(part.text == text)
    }
  }

  @Test("new weights take effect in place")
  func newWeights() throws {
    let (engine, other) = (try Self.engine(seed: 5), try Self.engine(seed: 6))
    let prompt = Self.prompt(engine, "blue ?")
    func answer(_ engine: GenerationEngine) throws -> [Response] {
      try engine.generate(prompt: prompt, samples: 4, settings: SamplingSettings(maximumTokens: 10), draw: Self.draw(seed: 9))
    }
    #expect(try answer(engine) != answer(other))
    try engine.replaceWeights(other.model.parameters.export())
    #expect(try answer(engine) == answer(other))
  }

  @Test("settings that cannot be are refused", arguments: [
    SamplingSettings(temperature: -1, maximumTokens: 5), SamplingSettings(temperature: .nan, maximumTokens: 5),
    SamplingSettings(topP: 0, maximumTokens: 5), SamplingSettings(topP: 1.5, maximumTokens: 5),
    SamplingSettings(topK: -1, maximumTokens: 5), SamplingSettings(maximumTokens: 0),
  ])
  func refusals(settings: SamplingSettings) throws {
    let engine = try Self.engine()
    #expect(throws: ModelError.self) {
      try engine.generate(prompt: Self.prompt(engine, "x"), samples: 1, settings: settings, draw: { _, _ in 0 })
    }
  }
}
