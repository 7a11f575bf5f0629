import Testing

@testable import VisualReasoning

/// red 5, blue 3, green 2, gray 6, in some order.
let exampleScene = Scene(bars: [
  .init(colour: .blue, value: 3), .init(colour: .gray, value: 6), .init(colour: .red, value: 5), .init(colour: .green, value: 2),
])

@Suite("the trace checker agrees with traces worked by hand")
struct TraceCheckerTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let question: String
    let trace: String
    let faults: [TraceFault?]
    let read: Int
    let quality: Double

    var testDescription: String { "\(question) \(trace)" }
  }

  static let cases = [
    // Sound.
    Case(question: "red + blue ?", trace: "red 5 . blue 3 . 5 + 3 = 8 .", faults: [nil, nil, nil], read: 2, quality: 1),
    Case(question: "red + blue ?", trace: "blue 3 . red 5 . 3 + 5 = 8 . 8 .", faults: [nil, nil, nil, nil], read: 2, quality: 1),
    Case(
      question: "red + blue + green ?", trace: "red 5 . blue 3 . green 2 . 5 + 3 = 8 . 8 + 2 = 10 .",
      faults: [nil, nil, nil, nil, nil], read: 3, quality: 1),
    Case(question: "blue - red ?", trace: "blue 3 . red 5 . 5 - 3 = 2 .", faults: [nil, nil, nil], read: 2, quality: 1),
    Case(question: "red or blue ?", trace: "red 5 . blue 3 . 5 > 3 . A .", faults: [nil, nil, nil, nil], read: 2, quality: 1),
    Case(
      question: "red + blue or green + gray ?",
      trace: "red 5 . blue 3 . green 2 . gray 6 . 5 + 3 = 8 . 2 + 6 = 8 . 8 = 8 . C .",
      faults: [nil, nil, nil, nil, nil, nil, nil, nil], read: 4, quality: 1),

    // No reading at all.
    Case(question: "red + blue ?", trace: "roughly 8 .", faults: [.unsupportedLeap], read: 0, quality: 0),
    Case(question: "red + blue ?", trace: "clearly surely 8 .", faults: [.unsupportedLeap], read: 0, quality: 0),
    Case(question: "red + blue ?", trace: "8 .", faults: [.unsupportedLeap], read: 0, quality: 0),
    Case(question: "red or blue ?", trace: "A .", faults: [.unsupportedLeap], read: 0, quality: 0),
    Case(question: "red + blue ?", trace: "", faults: [], read: 0, quality: 0),

    // One bar misread: what builds on it still follows.
    Case(
      question: "red + blue ?", trace: "red 6 . blue 3 . 6 + 3 = 9 .", faults: [.wrongReading, nil, nil], read: 2,
      quality: 2.0 / 3),
    // One bar not read: its number comes from nowhere.
    Case(question: "red + blue ?", trace: "red 5 . 5 + 3 = 8 .", faults: [nil, .unsupportedLeap], read: 1, quality: 0.25),
    // Wrong sum, and the comparison that follows from it.
    Case(
      question: "red + blue or green + gray ?",
      trace: "red 5 . blue 3 . green 2 . gray 6 . 5 + 3 = 9 . 2 + 6 = 8 . 9 > 8 . A .",
      faults: [nil, nil, nil, nil, .wrongArithmetic, nil, nil, nil], read: 4, quality: 7.0 / 8),
    Case(
      question: "red or blue ?", trace: "red 5 . blue 3 . 5 < 3 . B .", faults: [nil, nil, .wrongArithmetic, nil], read: 2,
      quality: 0.75),
    // A conclusion against its own comparison; an operation that nobody asked for.
    Case(
      question: "red or blue ?", trace: "red 5 . blue 3 . 5 > 3 . B .", faults: [nil, nil, nil, .unsupportedLeap], read: 2,
      quality: 0.75),
    Case(
      question: "red - blue ?", trace: "red 5 . blue 3 . 5 + 3 = 8 .", faults: [nil, nil, .unsupportedLeap], read: 2,
      quality: 2.0 / 3),
    // Adding a bar to itself.
    Case(
      question: "red + blue ?", trace: "red 5 . blue 3 . 5 + 5 = 10 .", faults: [nil, nil, .unsupportedLeap], read: 2,
      quality: 2.0 / 3),

    // Language and redundancy.
    Case(
      question: "red + blue ?", trace: "rot 5 . blue 3 . 5 plus 3 is 8 .", faults: [.mixedWording, nil, .mixedWording], read: 2,
      quality: 1.0 / 3),
    Case(
      question: "red + blue ?", trace: "red 5 . red 5 . blue 3 . 5 + 3 = 8 .", faults: [nil, .repetition, nil, nil], read: 2,
      quality: 0.75),
    Case(
      question: "red + blue ?", trace: "red 5 . blue 3 . gray 6 . 5 + 3 = 8 . 5 + 3 = 8 .",
      faults: [nil, nil, .repetition, nil, .repetition], read: 2, quality: 0.6),
    Case(
      question: "red + blue ?", trace: "red red 8 8 . \u{1F600} = = .", faults: [.mixedWording, .mixedWording], read: 0, quality: 0),
  ]

  @Test("steps, bars and quality", arguments: cases)
  func worked(example: Case) throws {
    let checker = TraceChecker(scene: try #require(exampleScene), question: try #require(Question(text: example.question)))
    let assessment = checker.assess(Trace(text: example.trace))
    #expect(assessment.faults == example.faults)
    #expect(assessment.barsRead == example.read)
    #expect(abs(assessment.quality - example.quality) < 1e-12)
  }

  @Test("two sums of equal numbers are not a repetition")
  func equalSums() throws {
    let scene = try #require(
      Scene(bars: [.init(colour: .red, value: 5), .init(colour: .blue, value: 3), .init(colour: .green, value: 5), .init(colour: .gray, value: 3)]))
    let question = try #require(Question(text: "red + blue or green + gray ?"))
    let trace = Trace(text: "red 5 . blue 3 . green 5 . gray 3 . 5 + 3 = 8 . 5 + 3 = 8 . 8 = 8 . C .")
    #expect(TraceChecker(scene: scene, question: question).assess(trace).quality == 1)
  }

  @Test("every careful trace without misreading is sound, on any scene")
  func carefulIsSound() {
    for index in 0..<3000 {
      var random = SeededRandom(seed: 1, purpose: .trace, index: index)
      let scene = Scene.draw(using: &random)
      let question = Question.draw(weights: [1, 1, 1, 1, 1], using: &random)
      let response = TraceWriter.response(to: question, on: scene, habit: .careful, misreading: 0, using: &random)
      let assessment = TraceChecker(scene: scene, question: question).assess(Trace(response: response.text))
      #expect(assessment.quality == 1 && assessment.mainFault == nil, "\(question.text) \(response.text)")
      #expect(response.answer == question.answer(on: scene))
    }
  }

  @Test("each way of spoiling is found and named", arguments: TraceFault.allCases)
  func spoilt(fault: TraceFault) throws {
    for index in 0..<500 {
      var random = SeededRandom(seed: 2, purpose: .trace, index: index)
      // Values of which no two sums are equal, so that a number tells which bars are meant.
      let values = random.shuffled([1, 2, 4, 8])
      let bars = zip(random.shuffled(BarColour.allCases), values).map { Scene.Bar(colour: $0, value: $1) }
      let scene = try #require(Scene(bars: bars))
      let question = Question.draw(weights: [1, 1, 1, 1, 1], using: &random)
      let trace = TraceSpoiler(scene: scene, question: question).trace([fault], using: &random)
      let assessment = TraceChecker(scene: scene, question: question).assess(Trace(text: trace.description))
      // A last step left out, of a comparison, leaves nothing wrong behind: the conclusion is in the answer.
      let isShortened = fault == .unsupportedLeap && assessment.faults.allSatisfy { $0 == nil }
      #expect(assessment.faults.contains(fault) || isShortened, "\(question.text) \(trace)")
      #expect(assessment.quality < 1 || isShortened)
    }
  }

  @Test("a trace of 200,000 steps is judged in linear time")
  func long() throws {
    let text = String(repeating: "red 5 . blue 3 . 5 + 3 = 8 . nonsense . ", count: 50_000)
    let checker = TraceChecker(scene: try #require(exampleScene), question: try #require(Question(text: "red + blue ?")))
    let assessment = checker.assess(Trace(text: text))
    #expect(assessment.faults.count == 200_000)
    #expect(assessment.faults.count { $0 == nil } == 3)
  }

  @Test("what a trace says survives writing and reading it")
  func roundTrip() {
    for index in 0..<2000 {
      var random = SeededRandom(seed: 3, purpose: .trace, index: index)
      let scene = Scene.draw(using: &random)
      let question = Question.draw(weights: [1, 1, 1, 1, 1], using: &random)
      let faults = (0..<random.below(7)).map { _ in random.element(of: TraceFault.allCases) }
      let trace = TraceSpoiler(scene: scene, question: question).trace(faults, using: &random)
      #expect(Trace(text: trace.description) == trace)
    }
  }
}
