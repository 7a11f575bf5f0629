import Testing

@testable import VisualReasoning

@Suite("questions and their answers")
struct QuestionTests {
  /// Every question there is.
  static let all = Question.Kind.allCases.flatMap { kind in
    arrangements(BarColour.allCases, kind.barCount).map { Question(kind, about: $0) }
  }

  static func arrangements(_ colours: [BarColour], _ count: Int) -> [[BarColour]] {
    guard count > 0 else { return [[]] }
    return colours.flatMap { first in
      arrangements(colours.filter { $0 != first }, count - 1).map { [first] + $0 }
    }
  }

  /// Computes the answer from the words alone, in a way that shares nothing with `Question`.
  static func evaluate(_ text: String, _ values: [String: Int]) -> String? {
    let words = text.split(separator: " ").map(String.init)
    guard words.last == "?" else { return nil }
    let sides = words.dropLast().split(separator: "or").map { side in
      side.reduce(into: (total: 0, sign: 1)) { state, word in
        if word == "-" { state.sign = -1 } else if word != "+" { state.total += state.sign * (values[word] ?? 1000) }
      }.total
    }
    if sides.count == 1 { return String(abs(sides[0])) }
    return sides[0] > sides[1] ? "A" : sides[0] == sides[1] ? "C" : "B"
  }

  @Test("there are 84 questions, and each is read back from its text")
  func texts() {
    #expect(Self.all.count == 12 + 24 + 12 + 12 + 24)
    #expect(Set(Self.all.map(\.text)).count == Self.all.count)
    for question in Self.all { #expect(Question(text: question.text) == question) }
  }

  @Test("answers equal an independent evaluation of the words")
  func answers() {
    for index in 0..<200 {
      var random = SeededRandom(seed: 4, purpose: .scene, index: index)
      let scene = Scene.draw(using: &random)
      let values = Dictionary(uniqueKeysWithValues: scene.bars.map { ($0.colour.rawValue, $0.value) })
      for question in Self.all {
        #expect(question.answer(on: scene) == Self.evaluate(question.text, values))
      }
    }
  }

  @Test(
    "other words are no question",
    arguments: ["", "?", "red ?", "red + ?", "red + red ?", "red - blue - gray ?", "red or blue", "red + blue or green ?", "red + pink ?", "red blue ?"])
  func others(text: String) {
    #expect(Question(text: text) == nil)
  }

  @Test("comparisons are multiple choice, the others are not")
  func options() {
    for question in Self.all {
      #expect(question.options == (question.text.contains("or") ? ["A greater", "B smaller", "C equal"] : []))
    }
  }
}
