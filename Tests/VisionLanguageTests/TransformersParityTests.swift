import Testing
import Torch

@testable import VisionLanguage

@Suite("What transformers computes, this model computes")
struct TransformersParityTests {
  @Test("first logits, log-probabilities and entropies agree to 1e-4", arguments: ModelFixtures.models)
  func logProbabilities(folder: String) throws {
    let model = try ModelFixtures.model(folder)
    for item in try ModelFixtures.cases(of: folder) {
      try withoutGradient {
        let state = try model.encode([item.prompt(for: model.configuration)])
        #expect(try largestDifference(model.logits(state.lastHidden).floats(), item.first_logits) < 1e-4, "\(item.name)")
        let (found, entropies) = try model.logProbabilities(after: state, Continuations([[item.response]]))
        #expect(try largestDifference(found.floats(), item.log_probabilities) < 1e-4, "\(item.name)")
        #expect(try largestDifference(entropies.floats(), item.entropies) < 1e-4, "\(item.name)")
      }
    }
  }

  @Test("prompts in one padded batch get what each gets alone", arguments: ModelFixtures.models)
  func batch(folder: String) throws {
    let model = try ModelFixtures.model(folder)
    let cases = try ModelFixtures.cases(of: folder)
    try withoutGradient {
      let state = try model.encode(cases.map { $0.prompt(for: model.configuration) })
      let batch = try Continuations(cases.map { [$0.response, Array($0.response.prefix(1))] })
      let found = try model.logProbabilities(after: state, batch).logProbabilities.floats()
      for (row, item) in cases.enumerated() {
        let start = row * 2 * batch.paddedLength
        #expect(
          largestDifference(Array(found[start..<start + item.response.count]), item.log_probabilities) < 1e-4, "\(item.name)")
        #expect(abs(found[start + batch.paddedLength] - item.log_probabilities[0]) < 1e-4, "\(item.name)")
      }
    }
  }

  @Test("greedy decoding with a cache gives the tokens transformers gives without one", arguments: ModelFixtures.models)
  func greedy(folder: String) throws {
    let model = try ModelFixtures.model(folder)
    for item in try ModelFixtures.cases(of: folder) {
      let decoding = try Decoding(model, pages: 40)
      let prompt = try #require(try decoding.read(item.prompt(for: model.configuration)))
      var sequence = Decoding.Sequence()
      var tokens: [Int32] = []
      var logits = prompt.logits
      for _ in item.greedy {
        tokens.append(try logits.argmax(-1).cast(to: .int32).values()[0])
        try #require(decoding.extend(&sequence))
        logits = try decoding.logits(after: [Decoding.Token(tokens[tokens.count - 1], after: prompt, sequence)])
        sequence.advance()
      }
      #expect(tokens == item.greedy, "\(item.name)")
    }
  }

  @Test("in bfloat16 the log-probabilities stay near, with and without a cache", arguments: ModelFixtures.models)
  func halfPrecision(folder: String) throws {
    let model = try ModelFixtures.model(folder, dtype: .bfloat16)
    for item in try ModelFixtures.cases(of: folder) {
      try withoutGradient {
        let state = try model.encode([item.prompt(for: model.configuration)])
        let found = try model.logProbabilities(after: state, Continuations([[item.response]])).logProbabilities
        #expect(try largestDifference(found.floats(), item.log_probabilities) < 0.3, "\(item.name)")
        let decoding = try Decoding(model, pages: 40)
        let prompt = try #require(try decoding.read(item.prompt(for: model.configuration)))
        var sequence = Decoding.Sequence()
        try #require(decoding.extend(&sequence))
        let step = try decoding.logits(after: [Decoding.Token(item.response[0], after: prompt, sequence)])
          .cast(to: .float32).logSoftmax(-1).floats()
        if item.response.count > 1 {
          #expect(abs(step[Int(item.response[1])] - item.log_probabilities[1]) < 0.3, "\(item.name)")
        }
      }
    }
  }

  @Test("positions in time, height and width agree", arguments: ModelFixtures.models)
  func positions(folder: String) throws {
    let configuration = try Qwen25VLConfiguration(folder: "\(ModelFixtures.folder)/\(folder)")
    let merge = configuration.vision.spatialMergeSize
    for item in try ModelFixtures.cases(of: folder) {
      let positions = try PromptPositions(
        tokens: item.tokens, grids: item.grids.map { ($0[0] / merge, $0[1] / merge) },
        imageToken: Int32(configuration.tokens.image))
      #expect(positions.positions.map { [$0.x, $0.y, $0.z] } == item.positions, "\(item.name)")
    }
  }
}
