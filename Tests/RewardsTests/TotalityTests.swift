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

  @Test("a text of 50 KB is judged at once, whatever is in it", arguments: [
    "(", "{", "-", "^2", "\\frac", "1,", "1,000", "sin ", "x", "<think>", "</think><answer>", "\\boxed{", "\\boxed{}", "a ", "0.5 ",
    "score 0.5/", "y", "A, ", "\\text{", "!", "1 ", "½", "\n", "7", "e\u{301}", "\u{301}", "\u{327}\u{301}", "👨‍👩‍", "alli", "*", "가",
    "\u{1161}", "\u{FDFA}", "1/", "x+", "[1,2]\\cup", "\u{9BE}", "\u{3000}", "99^", "\\sqrt",
  ])
  func long(piece: String) {
    let text = String(repeating: piece, count: 50_000 / piece.utf8.count)
    let clock = ContinuousClock()
    for type in ProblemType.allCases {
      let time = clock.measure {
        _ = answerReward(text, solution: text + "1", type: type)
        _ = outcomeReward(response: "<think>" + text + "</think><answer>" + text + "</answer>", solution: "1", type: type)
      }
      #expect(time < .seconds(5), "\(type)")
    }
    #expect(clock.measure { _ = parseThinkingScore(text) } < .seconds(5))
  }

  @Test("the deepest and widest expressions that are read are worked out quickly", arguments: [
    "(", "\\sqrt{", "-(", "2^{", "\\frac{1}{", "sin(", "1+(", "x*(", "\\{", "[1,", "\\{1,", "1+", "x*", "-", "\\sqrt ", "sin ", "2^", "\\frac",
    "170!+", "1 or ", "\\pm 1,", "1/3+",
  ])
  func nested(opening: String) {
    let closing: [Character: String] = ["(": ")", "{": "}", "[": "]"]
    for depth in [1, 5, 10, 20, 31, 32, 33, 60, 200, 500] {
      let closers = (0..<depth).map { _ in opening.reversed().compactMap { closing[$0] }.joined() }.joined()
      let text = String(repeating: opening, count: depth) + "1" + closers.replacingOccurrences(of: "\\{", with: "\\}")
      #expect(ContinuousClock().measure { _ = equalAsMathematics(text, text + "+2") } < .seconds(2))
      #expect(equalAsMathematics(text, text))
    }
  }

  @Test("alignments of 64 words in a step are those of the plain tables", arguments: 0..<4)
  func alignments(seed: UInt64) {
    var random = SeededRandom(state: seed)
    for _ in 0..<150 {
      let distinct = Int.random(in: 1...6, using: &random)
      func words(_ counts: ClosedRange<Int>) -> [Int32] {
        (0..<Int.random(in: counts, using: &random)).map { _ in Int32.random(in: 0...Int32(distinct), using: &random) }
      }
      let a = words(0...200).map { min($0, Int32(distinct) - 1) }
      let b = words(0...200)
      var (common, distance) = ([[Int]](), [[Int]]())
      for i in 0...b.count {
        common.append([Int](repeating: 0, count: a.count + 1))
        distance.append(Array(i...i + a.count))
        guard i > 0 else { continue }
        for j in 1..<a.count + 1 {
          let same = a[j - 1] == b[i - 1]
          common[i][j] = same ? common[i - 1][j - 1] + 1 : max(common[i - 1][j], common[i][j - 1])
          distance[i][j] = min(distance[i - 1][j - 1] + (same ? 0 : 1), distance[i - 1][j] + 1, distance[i][j - 1] + 1)
        }
      }
      let alignment = WordAlignment(of: a, distinct: distinct)
      #expect(alignment.longestCommonSubsequence(with: b) == common[b.count][a.count])
      #expect(alignment.editDistance(to: b) == distance[b.count][a.count])
    }
  }

  @Test("words beyond the limit do not count")
  func limit() {
    let words = (0..<alignedWordLimit).map { "w\($0 % 997)" }.joined(separator: " ")
    #expect(wordErrorRate(words + " more words", reference: words) == 0)
    #expect(rouge(words + " more words", reference: words).mean == 1)
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
