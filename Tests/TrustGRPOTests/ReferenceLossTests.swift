import Foundation
import Testing

@testable import TrustGRPO

@Suite("Equation 7: the loss")
struct ReferenceLossTests {
  private struct Fixture: Decodable { let cases: [Case] }
  private struct Case: Decodable {
    let name: String
    let clipLow, clipHigh, klCoefficient, loss, kl, clipFraction: Double
    let advantages: [Double]
    let policy, behaviour, reference, gradient: [[Double]]
    // Of the decoupled objective.
    let importanceCap, importanceWeight: Double?
    let proximal: [[Double]]?

    var responses: [ResponseTokens] {
      advantages.indices.map {
        ResponseTokens(
          policy: policy[$0], behaviour: behaviour[$0], proximal: proximal?[$0], reference: reference[$0],
          advantage: advantages[$0])
      }
    }
    var settings: TrustGRPOSettings {
      TrustGRPOSettings(
        clipLow: clipLow, clipHigh: clipHigh, importanceCap: importanceCap ?? 1, klCoefficient: klCoefficient)
    }
  }

  @Test("agrees with TRL's loss, metrics and gradient")
  func trl() throws {
    for example in try fixture("trl_loss.json", as: Fixture.self).cases {
      let result = try referenceLoss(example.responses, settings: example.settings)
      #expect(result.loss.isClose(to: example.loss), "\(example.name)")
      #expect(result.meanKL.isClose(to: example.kl), "\(example.name)")
      #expect(result.clipFraction.isClose(to: example.clipFraction, within: 1e-6), "\(example.name)")
      #expect(result.meanImportanceWeight.isClose(to: example.importanceWeight ?? 1), "\(example.name)")
      #expect((result.truncatedFraction > 0) == (example.proximal != nil), "\(example.name)")
      for (mine, theirs) in zip(result.gradient.joined(), example.gradient.joined()) {
        #expect(mine.isClose(to: theirs), "\(example.name)")
      }
    }
  }

  @Test("the gradient is that of the loss, by central differences", arguments: ["symmetric clip", "decoupled"])
  func gradient(of name: String) throws {
    let example = try #require(fixture("trl_loss.json", as: Fixture.self).cases.first { $0.name == name })
    let analytic = try referenceLoss(example.responses, settings: example.settings).gradient
    let step = 1e-6
    for (row, response) in example.responses.enumerated() {
      for token in response.policy.indices {
        let moved = try [step, -step].map { change in
          var policy = response.policy
          policy[token] += change
          var responses = example.responses
          responses[row] = ResponseTokens(
            policy: policy, behaviour: response.behaviour, proximal: response.proximal, reference: response.reference,
            advantage: response.advantage)
          return try referenceLoss(responses, settings: example.settings).loss
        }
        #expect(abs((moved[0] - moved[1]) / (2 * step) - analytic[row][token]) < 1e-8)
      }
    }
  }

  @Test(
    "the decoupled objective of one token by hand: ratio to the start of the step, weight for who sampled, cut at the cap",
    arguments: [
      // pi, pi_proximal, pi_behaviour, A -> w min(r A, clip(r) A), its slope, w
      ByHand(pi: 0.55, proximal: 0.5, behaviour: 0.4, advantage: 2, surrogate: 2.75, slope: 2.75, weight: 1.25),
      ByHand(pi: 0.65, proximal: 0.5, behaviour: 0.4, advantage: 2, surrogate: 3, slope: 0, weight: 1.25),
      ByHand(pi: 0.55, proximal: 0.5, behaviour: 0.2, advantage: 2, surrogate: 4.4, slope: 4.4, weight: 2, isCut: true),
      ByHand(pi: 0.2, proximal: 0.4, behaviour: 0.8, advantage: -1, surrogate: -0.4, slope: 0, weight: 0.5),
      ByHand(pi: 0.6, proximal: 0.4, behaviour: 0.8, advantage: -1, surrogate: -0.75, slope: -0.75, weight: 0.5),
    ])
  fileprivate func decoupled(example: ByHand) throws {
    let response = ResponseTokens(
      policy: [log(example.pi)], behaviour: [log(example.behaviour)], proximal: [log(example.proximal)], reference: [],
      advantage: example.advantage)
    let result = try referenceLoss([response], settings: TrustGRPOSettings(klCoefficient: 0))
    #expect(result.loss.isClose(to: -example.surrogate))
    #expect(result.gradient[0][0].isClose(to: -example.slope))
    #expect(result.meanImportanceWeight.isClose(to: example.weight))
    #expect(result.truncatedFraction == (example.isCut ? 1 : 0))
  }

  @Test("a response sampled by the policy that the step starts from has the same loss either way")
  func fresh() throws {
    let example = try #require(fixture("trl_loss.json", as: Fixture.self).cases.first)
    let decoupled = example.responses.map {
      ResponseTokens(
        policy: $0.policy, behaviour: $0.behaviour, proximal: $0.behaviour, reference: $0.reference,
        advantage: $0.advantage)
    }
    #expect(
      try referenceLoss(decoupled, settings: example.settings) == referenceLoss(example.responses, settings: example.settings))
  }

  @Test("one token by hand: ratio 1, no divergence, so the loss is -A and its slope -A")
  func onPolicy() throws {
    let response = ResponseTokens(policy: [-1], behaviour: [-1], reference: [-1], advantage: 0.8)
    let result = try referenceLoss([response], settings: TrustGRPOSettings())
    #expect(result.loss == -0.8 && result.gradient == [[-0.8]] && result.meanKL == 0 && result.clipFraction == 0)
  }

  @Test("parts of a batch add up to the whole when both divide by the whole's tokens")
  func accumulation() throws {
    let example = try #require(fixture("trl_loss.json", as: Fixture.self).cases.first)
    let tokens = example.policy.reduce(0) { $0 + $1.count }
    let whole = try referenceLoss(example.responses, settings: example.settings)
    let parts = try example.responses.map { try referenceLoss([$0], settings: example.settings, tokenCount: tokens) }
    #expect(parts.reduce(0) { $0 + $1.loss }.isClose(to: whole.loss))
    #expect(parts.flatMap(\.gradient) == whole.gradient)
  }

  @Test("a batch without tokens is zeros; arrays that do not match are refused")
  func edges() throws {
    let empty = ResponseTokens(policy: [], behaviour: [], reference: [], advantage: 1)
    #expect(try referenceLoss([empty], settings: TrustGRPOSettings()).loss == 0)
    let short = ResponseTokens(policy: [-1, -2], behaviour: [-1], reference: [-1, -2], advantage: 1)
    #expect(throws: TrustGRPOError.self) { try referenceLoss([short], settings: TrustGRPOSettings()) }
    let other = ResponseTokens(policy: [-1], behaviour: [-1], proximal: [-1, -1], reference: [-1], advantage: 1)
    #expect(throws: TrustGRPOError.self) { try referenceLoss([other], settings: TrustGRPOSettings()) }
    let unreferenced = ResponseTokens(policy: [-1], behaviour: [-1], reference: [], advantage: 1)
    #expect(throws: TrustGRPOError.self) { try referenceLoss([unreferenced], settings: TrustGRPOSettings()) }
    #expect(try referenceLoss([unreferenced], settings: TrustGRPOSettings(klCoefficient: 0)).loss == -1)
  }

  @Test("settings survive JSON under their documented names")
  func coding() throws {
    let settings = TrustGRPOSettings(mode: .releasedCode, oneSided: .include, advantage: .mean, releasedAnnealingSteps: 40)
    let json = try JSONEncoder().encode(settings)
    #expect(try JSONDecoder().decode(TrustGRPOSettings.self, from: json) == settings)
    let text = String(decoding: json, as: UTF8.self)
    #expect(text.contains("\"released-code\"") && text.contains("\"include\"") && text.contains("\"mean\""))
  }
}

/// One token under the decoupled objective; probabilities, not logarithms.
private struct ByHand: Sendable {
  let pi, proximal, behaviour, advantage, surrogate, slope, weight: Double
  var isCut = false
}
