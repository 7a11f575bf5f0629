import Foundation
import Testing

@testable import Rewards

@Suite("Agreement with the usual graders")
struct ParityTests {
  private struct Parity: Decodable {
    struct Stem: Decodable {
      let word, stem: String

      init(from decoder: any Decoder) throws {
        var row = try decoder.unkeyedContainer()
        (word, stem) = (try row.decode(String.self), try row.decode(String.self))
      }
    }

    struct Comparison<Outcome: Decodable>: Decodable {
      let text, reference: String
      let outcome: Outcome

      init(from decoder: any Decoder) throws {
        var row = try decoder.unkeyedContainer()
        (text, reference) = (try row.decode(String.self), try row.decode(String.self))
        outcome = try row.decode(Outcome.self)
      }
    }

    let stems: [Stem]
    let rouge: [Comparison<[Double]>]
    let wer: [Comparison<Double>]
    let math: [Comparison<Int>]
  }

  private let parity: Parity

  init() throws { parity = try fixture("parity.json", as: Parity.self) }

  @Test("stems are NLTK's")
  func stems() {
    #expect(parity.stems.count > 2500)
    for example in parity.stems { #expect(porterStem(example.word) == example.stem, "\(example.word)") }
  }

  @Test("ROUGE is rouge-score's")
  func rougeScores() {
    #expect(parity.rouge.count > 350)
    for example in parity.rouge {
      let mine = rouge(example.text, reference: example.reference)
      for (a, b) in zip([mine.one, mine.two, mine.longest], example.outcome) { #expect(a.isClose(to: b), "\(example)") }
    }
  }

  @Test("the word error rate is jiwer's")
  func wer() {
    #expect(parity.wer.count > 350)
    for example in parity.wer {
      #expect(wordErrorRate(example.text, reference: example.reference).isClose(to: example.outcome), "\(example)")
    }
  }

  @Test("equality of answers is mathruler's")
  func math() {
    for example in parity.math {
      #expect(equalAsMathematics(example.text, example.reference) == (example.outcome == 1), "\(example.text) | \(example.reference)")
    }
  }
}
