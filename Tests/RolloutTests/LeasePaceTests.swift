import Testing

@testable import Rollout

@Suite("The pace of leases")
struct LeasePaceTests {
  @Test("is the median of the last 64, and unknown before there are 8")
  func median() {
    var draws = Draws(seed: 1)
    var pace = LeasePace()
    var all: [Duration] = []
    for _ in 0..<500 {
      // Some come twice.
      let duration = Duration.milliseconds(draws.below(100))
      pace.note(duration)
      all.append(duration)
      let recent = all.suffix(64).sorted()
      #expect(pace.typical == (recent.count < 8 ? nil : recent[recent.count / 2]))
    }
  }
}
