import DataSets
import Foundation
import Testing

@testable import Rewards

@Suite("Graders are total and quick")
struct TotalityTests {
  /// What a policy under exploration may write: tags, LaTeX, numbers, brackets and bytes of any kind.
  private static let pieces = [
    "<think>", "</think>", "<answer>", "</answer>", "\\frac", "\\sqrt", "\\boxed{", "{", "}", "(", ")", "[", "]", "\\{", "\\}", "^", "_",
    "-", "+", "*", "/", "!", "%", ",", ";", ":", "=", ".", "1", "23", "4,567", "0.5", "1e9", "x", "e", "\\pi", "\\infty", "\\cup", "\\pm",
    " ", "\n", " and ", "score", "out of", "cm", "sin", "A", "B.", "é", "😀", "\u{0}", "\u{301}", "\\text{", "\\", "$", "½", "²", "\u{202E}",
  ]

  @Test("no answer makes a grader fail or leave [0, 1]", arguments: 0..<8)
  func random(seed: UInt64) {
    var random = SeededRandom(state: seed)
    for _ in 0..<250 {
      let text = (0..<Int.random(in: 0...40, using: &random)).map { _ in Self.pieces.randomElement(using: &random) ?? "" }.joined()
      let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let noise = String(decoding: bytes, as: UTF8.self)
      for (answer, solution) in [(text, noise), (noise, text), (text, String(text.reversed()))] {
        for type in ProblemType.allCases {
          #expect(0...1 ~= answerReward(answer, solution: solution, type: type))
          #expect(0...1 ~= outcomeReward(response: answer, solution: solution, type: type))
        }
        if let score = parseThinkingScore(answer) { #expect(0...1 ~= score) }
      }
    }
  }

  @Test("long and adversarial texts take no more than seconds together", arguments: [
    "(", "{", "-", "^2", "\\frac", "1,", "1,000", "sin ", "x", "<think>", "</think><answer>", "\\boxed{", "a ", "0.5 ", "score 0.5/", "y",
    "A, ", "\\text{", "!", "1 ", "½", "\n",
  ])
  func long(piece: String) {
    let text = String(repeating: piece, count: 10_000 / piece.utf8.count)
    let clock = ContinuousClock()
    let time = clock.measure {
      for type in ProblemType.allCases {
        _ = answerReward(text, solution: text + "1", type: type)
        _ = outcomeReward(response: "<think>" + text + "</think><answer>" + text + "</answer>", solution: "1", type: type)
      }
      _ = parseThinkingScore(text)
    }
    #expect(time < .seconds(10))
  }
}

/// SplitMix64, so that a failing case can be run again.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
