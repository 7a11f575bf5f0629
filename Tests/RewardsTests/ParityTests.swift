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

  @Test("the word error rate is jiwer's, but that white space of any kind separates words")
  func wer() {
    #expect(parity.wer.count > 350)
    // jiwer splits at spaces only, and would count a line break in the wrong place as two wrong words.
    let departures: Set = ["a\nb", "a\tb", "a\u{A0}b"]
    for example in parity.wer {
      let rate = departures.contains(example.text) ? 0 : example.outcome
      #expect(wordErrorRate(example.text, reference: example.reference).isClose(to: rate), "\(example)")
    }
  }

  @Test("equality of answers is mathruler's, but where it is listed with a reason")
  func math() {
    #expect(parity.math.count > 1900)
    var departures: [String: Bool] = [:]
    for reason in MathDepartures.reasons {
      for pair in reason.pairs { departures[pair.answer + " | " + pair.solution] = reason.equal }
    }
    for example in parity.math {
      let pair = example.text + " | " + example.reference
      let listed = departures.removeValue(forKey: pair)
      #expect(listed == nil || listed != (example.outcome == 1), "\(pair) is listed, but no departure")
      #expect(equalAsMathematics(example.text, example.reference) == listed ?? (example.outcome == 1), "\(pair)")
    }
    #expect(departures.isEmpty)
  }
}
