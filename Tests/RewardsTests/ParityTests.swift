import Foundation
import Testing

@testable import Rewards

@Suite("Agreement with the usual graders")
struct ParityTests {
  private struct Parity: Decodable {
    struct Stem: Decodable { let word, stem: String }
    struct Rouge: Decodable { let text, reference: String; let scores: [Double] }
    struct Rate: Decodable { let text, reference: String; let rate: Double }
    struct Math: Decodable { let answer, solution: String; let equal: Bool }
    let stems: [Stem]
    let rouge: [Rouge]
    let wer: [Rate]
    let math: [Math]
  }

  private let parity: Parity

  init() throws { parity = try fixture("parity.json", as: Parity.self) }

  @Test("stems are NLTK's")
  func stems() {
    for example in parity.stems { #expect(porterStem(example.word) == example.stem, "\(example.word)") }
  }

  @Test("ROUGE is rouge-score's")
  func rougeScores() {
    for example in parity.rouge {
      let mine = rouge(example.text, reference: example.reference)
      for (a, b) in zip([mine.one, mine.two, mine.longest], example.scores) { #expect(a.isClose(to: b), "\(example)") }
    }
  }

  @Test("the word error rate is jiwer's")
  func wer() {
    for example in parity.wer {
      #expect(wordErrorRate(example.text, reference: example.reference).isClose(to: example.rate), "\(example)")
    }
  }

  @Test("equality of answers is mathruler's where both are defined")
  func math() {
    for example in parity.math {
      #expect(equalAsMathematics(example.answer, example.solution) == example.equal, "\(example.answer) | \(example.solution)")
    }
  }
}
