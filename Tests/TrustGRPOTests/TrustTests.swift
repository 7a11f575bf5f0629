import Foundation
import Testing

@testable import TrustGRPO

@Suite("Equations 1 to 3: trust")
struct TrustTests {
  @Test("gamma is 1 while correct members think at least as well, else e to the difference, by hand", arguments: [
    ([1.0, 0.0], [0.9, 0.2], 0.9, 0.2, 1.0),
    ([1.0, 0.0], [0.5, 0.5], 0.5, 0.5, 1.0),
    ([1.0, 0.0], [0.2, 0.7], 0.2, 0.7, 0.6065306597126334),
    ([1.0, 1.0, 0.0, 0.0], [0.2, 0.4, 0.5, 0.9], 0.3, 0.7, 0.6703200460356393),
    ([1.0, 0.0], [0.0, 1.0], 0.0, 1.0, 0.36787944117144233),
    ([0.5, 0.49], [0.1, 0.3], 0.1, 0.3, 0.8187307530779818),
  ] as [([Double], [Double], Double, Double, Double)])
  func handWorked(outcomes: [Double], thinking: [Double], muCorrect: Double, muWrong: Double, gamma: Double) throws {
    let evidence = trust(outcomes: outcomes, thinking: thinking)
    #expect(try #require(evidence.muCorrect).isClose(to: muCorrect))
    #expect(try #require(evidence.muWrong).isClose(to: muWrong))
    #expect(try #require(evidence.gamma).isClose(to: gamma))
  }

  @Test("means and gamma are missing where a side has no scores")
  func noContrast() {
    #expect(trust(outcomes: [1, 1], thinking: [0.5, 0.7]) == Trust(muCorrect: 0.6, muWrong: nil))
    #expect(trust(outcomes: [0, 0], thinking: [0.5, 0.5]).gamma == nil)
    #expect(trust(outcomes: [1, 0], thinking: [nil, 0.5]).gamma == nil)
    #expect(trust(outcomes: [1, 0], thinking: [nil, nil]) == Trust(muCorrect: nil, muWrong: nil))
    #expect(trust(outcomes: [], thinking: []).gamma == nil)
  }

  @Test("the annealing factor falls from 1 at step 0 to 1/e at step T", arguments: [
    (0, 1500, 1.0), (1500, 1500, 0.36787944117144233), (750, 1500, 0.6065306597126334), (3000, 1500, 0.1353352832366127),
  ])
  func annealed(step: Int, total: Int, factor: Double) {
    #expect(annealing(step: step, of: total).isClose(to: factor))
  }
}
