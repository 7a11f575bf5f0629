import Testing
import Torch

@testable import VisionLanguage

@Suite("Decoding in pages")
struct DecodingTests {
  /// Feeds `tokens` to a sequence after `prompt`, `beside` so many others, and gives the logits of each step.
  static func logits(
    _ decoding: Decoding, _ prompt: Decoding.Prompt, _ tokens: [Int32], beside others: [(Decoding.Prompt, [Int32])] = []
  ) throws -> [[Float]] {
    var sequences = [Decoding.Sequence](repeating: Decoding.Sequence(), count: others.count + 1)
    defer { for index in sequences.indices { decoding.forget(&sequences[index]) } }
    var found: [[Float]] = []
    for (step, token) in tokens.enumerated() {
      var row: [Decoding.Token] = []
      for index in sequences.indices {
        let (prompt, known) = index < others.count ? others[index] : (prompt, tokens)
        guard index == others.count || step < known.count else { continue }
        try #require(decoding.extend(&sequences[index]))
        row.append(Decoding.Token(index == others.count ? token : known[step], after: prompt, sequences[index]))
        sequences[index].advance()
      }
      let all = try decoding.logits(after: row)
      found.append(try all.selected(0, row.count - 1).floats())
    }
    return found
  }

  static let responses: [[Int32]] = [
    (0..<40).map { ($0 * 7 + 3) % 90 }, [4, 9, 2, 30], (0..<17).map { ($0 * 11) % 80 }, [8], (0..<33).map { 89 - $0 },
  ]

  @Test("finds what is computed without pages, over many pages, prompts and lengths", arguments: ModelFixtures.models, [DType.float32, .float64])
  func agrees(folder: String, dtype: DType) throws {
    let model = try ModelFixtures.model(folder, dtype: dtype)
    let cases = try ModelFixtures.cases(of: folder)
    let decoding = try Decoding(model, pages: 60)
    for (item, response) in zip(cases, Self.responses) {
      let prompt = try #require(try decoding.read(item.prompt(for: model.configuration)))
      defer { decoding.forget(prompt) }
      let found = try Self.logits(decoding, prompt, response)
      let expected = try withoutGradient {
        let state = try model.encode([item.prompt(for: model.configuration)])
        return try model.logits(model.hidden(after: state, Continuations([[response + [1]]]))).flattened(0, 2)
      }
      #expect(try largestDifference(prompt.logits.floats(), expected.selected(0, 0).floats()) < 1e-4)
      for step in response.indices {
        #expect(try largestDifference(found[step], expected.selected(0, step + 1).floats()) < 1e-4, "\(item.name), token \(step)")
      }
    }
    #expect(decoding.pages.freeCount == 60)
  }

  @Test("what pages held before does not matter, even if it was no number", arguments: [DType.float32, .float64])
  func stalePages(dtype: DType) throws {
    let model = try ModelFixtures.model("tied", dtype: dtype)
    let cases = try ModelFixtures.cases(of: "tied")
    let decoding = try Decoding(model, pages: 24)
    let fresh = try #require(try decoding.read(cases[0].prompt(for: model.configuration)))
    let expected = try Self.logits(decoding, fresh, Self.responses[1])
    decoding.forget(fresh)
    let elements = model.configuration.vision.patchElements
    let picture = ImagePatches(
      values: [Float](repeating: .nan, count: 8 * elements), gridHeight: 2, gridWidth: 4, mergeSize: 2)
    let bad = VisualPrompt(tokens: [1] + [Int32](repeating: 90, count: 2) + [Int32](repeating: 5, count: 100), images: [picture])
    let poison = try #require(try decoding.read(bad))
    #expect(try poison.logits.floats().allSatisfy(\.isNaN))
    #expect(try Self.logits(decoding, poison, Self.responses[0]).allSatisfy { $0.allSatisfy(\.isNaN) })
    decoding.forget(poison)
    let again = try #require(try decoding.read(cases[0].prompt(for: model.configuration)))
    #expect(try Self.logits(decoding, again, Self.responses[1]) == expected)
  }

  @Test("a sequence gets the same bits alone and in any company", arguments: ModelFixtures.models, [1, 2, 3, 4, 7, 12])
  func company(folder: String, count: Int) throws {
    let model = try ModelFixtures.model(folder)
    let cases = try ModelFixtures.cases(of: folder)
    let decoding = try Decoding(model, pages: 200)
    let prompts = try cases.map { try #require(try decoding.read($0.prompt(for: model.configuration))) }
    let alone = try Self.logits(decoding, prompts[0], Self.responses[0])
    let others = (0..<count).map { (prompts[$0 % prompts.count], Self.responses[($0 + 1) % Self.responses.count]) }
    #expect(try Self.logits(decoding, prompts[0], Self.responses[0], beside: others) == alone)
  }

  @Test("sums of several stretches, in blocks of any number of rows and on any number of threads, are the same bits", arguments: [1, 2, 24, 25])
  func wide(count: Int) throws {
    let before = TorchRuntime.threads
    defer { try? TorchRuntime.setThreads(before) }
    let model = try Qwen25VL(.benchmark(vocabularySize: 64), seed: 1)  // its feed-forward part is wider than a stretch
    let decoding = try Decoding(model, pages: 100)
    let prompt = try #require(try decoding.read(VisualPrompt(tokens: (0..<20).map { $0 % 60 })))
    let response: [Int32] = [3, 17, 40, 8]
    let alone = try Self.logits(decoding, prompt, response)
    let expected = try withoutGradient {
      let state = try model.encode([VisualPrompt(tokens: (0..<20).map { $0 % 60 })])
      return try model.logits(model.hidden(after: state, Continuations([[response + [1]]]))).flattened(0, 2)
    }
    for step in response.indices {
      #expect(try largestDifference(alone[step], expected.selected(0, step + 1).floats()) < 1e-4)
    }
    let others = (0..<count).map { (prompt, [Int32($0), 5, 9, 30]) }
    for threads in [1, 2, 3] {
      try TorchRuntime.setThreads(threads)
      #expect(try Self.logits(decoding, prompt, response, beside: others) == alone, "\(threads) threads")
    }
  }

  @Test("a prompt without room is not read, and a sequence without room says so")
  func room() throws {
    let model = try ModelFixtures.model("tied")
    let decoding = try Decoding(model, pages: 3)
    let long = VisualPrompt(tokens: [Int32](repeating: 5, count: 33))
    let first = try #require(try decoding.read(VisualPrompt(tokens: [Int32](repeating: 5, count: 17))))
    #expect(try decoding.read(long) == nil)
    #expect(decoding.pages.freeCount == 1)
    var (one, two) = (Decoding.Sequence(), Decoding.Sequence())
    #expect(decoding.extend(&one))
    #expect(!decoding.extend(&two))
    decoding.forget(&one)
    #expect(decoding.extend(&two))
    decoding.forget(&two)
    decoding.forget(first)
    #expect(decoding.pages.freeCount == 3)
    #expect(throws: ModelError.self) { try decoding.read(VisualPrompt(tokens: [])) }
    #expect(decoding.pages.freeCount == 3)
  }
}
