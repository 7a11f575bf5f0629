import Foundation
import Rollout
import Testing
import Torch
import VisionLanguage

@testable import Engines

@Suite("Many responses in one batch")
struct ContinuousBatchTests {
  static let texts = ["red ?", "red + blue + green ?", "x", "red or blue ?", "blue - green ?", "roughly 8 ."]

  static func requests(_ engine: GenerationEngine, samples: Int) -> [ContinuousBatch.Request] {
    texts.enumerated().map { index, text in
      let prompt = VisualPrompt(tokens: [Int32](repeating: 40, count: index * 9) + engine.tokenizer.encode(text))
      return ContinuousBatch.Request(prompt: prompt, samples: samples) { sample, position in
        CounterRandom(seed: 3, epoch: 0, prompt: UInt32(index), sample: UInt32(sample)).uniform(at: UInt32(position))
      }
    }
  }

  /// Ends a good share of responses early.
  static let settings = SamplingSettings(maximumTokens: 60, stopTokens: (40..<48).map { Int32($0) })

  @Test("each response is the same bits as alone, whatever the width of the batch", arguments: [1, 2, 5, 64])
  func alone(width: Int) throws {
    let engine = try GenerationEngineTests.engine()
    let requests = Self.requests(engine, samples: 4)
    var ended: [Int] = []
    let together = try engine.run(requests, Self.settings, width: width) { ended.append($0) }
    #expect(ended.sorted() == Array(requests.indices))
    #expect(together.joined().contains { $0.finish == .stop } && together.joined().contains { $0.finish == .length })
    for (request, responses) in zip(requests, together) {
      let alone = try engine.generate(prompt: request.prompt, samples: 4, settings: Self.settings, draw: request.draw)
      #expect(alone == responses)
    }
  }

  @Test("responses that end make room at once: no step is spent on them")
  func room() throws {
    let engine = try GenerationEngineTests.engine()
    let requests = Self.requests(engine, samples: 4)
    let responses = try engine.run(requests, Self.settings, width: 8)
    let tokens = responses.joined().reduce(0) { $0 + $1.tokens.count }
    // The first token of a response comes from its prompt, and the last is fed to nobody.
    #expect(engine.counts.tokens == tokens - responses.joined().count)
    #expect(engine.counts.evictions == 0 && engine.counts.promptsRead == requests.count)
    // Fewer would leave places empty while somebody waits.
    #expect(engine.counts.steps < tokens / 8 + 60)
  }

  @Test("with few pages responses give them up and come to the same bits", arguments: [1.0, 1.5, 3])
  func evictions(room: Double) throws {
    let engine = try GenerationEngineTests.engine()
    let requests = Self.requests(engine, samples: 4)
    let free = try engine.run(requests, Self.settings)
    let page = Decoding.pageBytes(engine.model.configuration, .float32)
    // What the longest prompt and response take alone, and a little more.
    let least = KeyValuePages.count(for: requests.map(\.prompt.tokens.count).max() ?? 0) + KeyValuePages.count(for: 60)
    let narrow = try GenerationEngine(
      model: engine.model, tokenizer: engine.tokenizer, cacheLimit: Int(Double(least) * room) * page)
    #expect(try narrow.run(requests, Self.settings) == free)
    #expect(narrow.counts.evictions > 0 || room > 2)
    #expect(throws: ModelError.self) {
      try GenerationEngine(model: engine.model, tokenizer: engine.tokenizer, cacheLimit: least * page - 1)
        .run(requests, Self.settings)
    }
  }

  @Test("what stops the work in its midst leaves the engine as good as new")
  func stopped() throws {
    struct Stop: Error {}
    let engine = try GenerationEngineTests.engine()
    let requests = Self.requests(engine, samples: 4)
    let expected = try engine.run(requests, Self.settings)
    #expect(throws: Stop.self) { try engine.run(requests, Self.settings, width: 3) { _ in throw Stop() } }
    #expect(try engine.run(requests, Self.settings) == expected)
  }

  @Test("a prompt without finite logits, or one that goes too far, ends alone; its neighbours get what they get without it")
  func failures() throws {
    let engine = try GenerationEngineTests.engine()
    let good = Self.requests(engine, samples: 2)
    let expected = try engine.run(good, Self.settings)
    let sizes = engine.model.configuration
    let tokens = engine.tokenizer
    let picture = ImagePatches(
      values: [Float](repeating: .nan, count: 4 * sizes.vision.patchElements), gridHeight: 2, gridWidth: 2, mergeSize: 2)
    let bad = [
      VisualPrompt(tokens: [tokens.visionStart, tokens.imagePad, tokens.visionEnd, 40], images: [picture]),
      VisualPrompt(tokens: [Int32](repeating: 40, count: sizes.maximumPositions - 10)),
      VisualPrompt(tokens: [Int32(sizes.vocabularySize)]),
    ].map { ContinuousBatch.Request(prompt: $0, samples: 2) { _, _ in 0.5 } }
    let all = [bad[0]] + good.prefix(2) + [bad[1]] + good.dropFirst(2) + [bad[2]]
    var batch = try engine.batch(
      Self.settings, prompts: all.map(\.prompt.tokens.count), samples: all.map(\.samples), width: 5)
    for request in all { _ = batch.add(request) }
    var ended: [Int: Result<[ContinuousBatch.Row], any Error>] = [:]
    while !batch.isEmpty {
      for end in try batch.step() { #expect(ended.updateValue(end.rows, forKey: end.number) == nil) }
    }
    let places = [1, 2, 4, 5, 6, 7]
    for (place, responses) in zip(places, expected) {
      #expect(try #require(ended[place]).get().map(\.tokens) == responses.map(\.tokens))
    }
    for (place, code) in [(0, "generation.not-finite"), (3, "model.input"), (8, "model.input")] {
      let error = #expect(throws: ModelError.self) { try #require(ended[place]).get() }
      #expect(error?.code == code)
    }
    // Nothing of theirs is kept: the same pages hold the same work again.
    #expect(try engine.run(good, Self.settings) == expected)
  }

  @Test("a group's samples with its prompt read once are distributed as independent ones are")
  func distribution() throws {
    // Chi-square of the pairs of the first two tokens, sampled in groups, against the model's own probabilities.
    let engine = try GenerationEngineTests.engine()
    let prompt = VisualPrompt(tokens: engine.tokenizer.encode("red + blue ?"))
    let (groups, samples) = (100, 64)
    var counts: [[Int32]: Int] = [:]
    for group in 0..<groups {
      let responses = try engine.generate(
        prompt: prompt, samples: samples, settings: SamplingSettings(topK: 4, maximumTokens: 2, stopTokens: [])
      ) { sample, position in
        CounterRandom(seed: 5, epoch: 0, prompt: UInt32(group), sample: UInt32(sample)).uniform(at: UInt32(position))
      }
      for response in responses { counts[response.tokens, default: 0] += 1 }
    }
    let model = engine.model
    func likeliest(_ logits: [Float]) -> [(token: Int32, share: Double)] {
      let kept = logits.indices.sorted { (-logits[$0], $0) < (-logits[$1], $1) }.prefix(4)
      let weights = kept.map { Double(logits[$0]) }.map { exp($0) }
      return zip(kept, weights).map { (Int32($0), $1 / weights.reduce(0, +)) }
    }
    var expected: [[Int32]: Double] = [:]
    try withoutGradient {
      let state = try model.encode([prompt])
      for first in likeliest(try model.logits(state.lastHidden).floats()) {
        let hidden = try model.hidden(after: state, Continuations([[[first.token, 0]]]))
        let second = try model.logits(hidden.flattened(0, 2).selected(0, 1)).floats()
        for next in likeliest(second) { expected[[first.token, next.token]] = first.share * next.share }
      }
    }
    #expect(Set(counts.keys).isSubset(of: Set(expected.keys)))
    let total = Double(groups * samples)
    let chiSquare = expected.reduce(0.0) { sum, pair in
      let mean = total * pair.value
      let difference = Double(counts[pair.key] ?? 0) - mean
      return sum + difference * difference / mean
    }
    // 16 cells, 15 degrees of freedom: passed with probability 0.999.
    #expect(expected.count == 16 && chiSquare < 37.7, "chi-square \(chiSquare)")
  }
}
