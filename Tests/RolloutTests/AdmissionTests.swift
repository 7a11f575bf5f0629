import Testing

@testable import Rollout

@Suite("What a group must satisfy to be admitted")
struct AdmissionTests {
  static let rules = AdmissionRules(groupSize: 2, maximumResponseTokens: 4, vocabularySize: 10, staleness: 1)

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let refusal: Refusal?
    let change: @Sendable (inout ScoredGroup) -> Void

    init(_ what: String, _ refusal: Refusal?, _ change: @escaping @Sendable (inout ScoredGroup) -> Void) {
      (testDescription, self.refusal, self.change) = (what, refusal, change)
    }
  }

  static let cases = [
    Case("a good group", nil) { _ in },
    Case("a missing thinking reward", nil) { $0.thinking[1] = nil },
    Case("log-probability 0, the certain token", nil) { $0.responses[0].logProbabilities[0] = 0 },
    Case("the bounds of a reward", nil) { $0.outcomes = [0, 1] },
    Case("one version behind", nil) { $0.version = 1 },
    Case("a member too few", .wrongGroupSize(expected: 2, found: 1)) { $0.responses.removeLast() },
    Case("a member too many", .wrongGroupSize(expected: 2, found: 3)) { $0.responses.append($0.responses[0]) },
    Case("an outcome too few", .wrongCount(what: "outcome rewards", expected: 2, found: 1)) { $0.outcomes.removeLast() },
    Case("a thinking reward too many", .wrongCount(what: "thinking rewards", expected: 2, found: 3)) {
      $0.thinking.append(nil)
    },
    Case("an empty response", .emptyResponse(member: 1)) {
      $0.responses[1].tokens = []
      $0.responses[1].logProbabilities = []
    },
    Case("a response too long", .tooLong(member: 0, tokens: 5, limit: 4)) {
      $0.responses[0].tokens = [1, 1, 1, 1, 1]
      $0.responses[0].logProbabilities = [-1, -1, -1, -1, -1]
    },
    Case("a log-probability too few", .wrongCount(what: "log-probabilities", expected: 2, found: 1)) {
      $0.responses[0].logProbabilities.removeLast()
    },
    Case("a positive log-probability", .badLogProbability(member: 1, position: 1, value: 0.5)) {
      $0.responses[1].logProbabilities[1] = 0.5
    },
    Case("an infinite log-probability", .badLogProbability(member: 0, position: 0, value: -.infinity)) {
      $0.responses[0].logProbabilities[0] = -.infinity
    },
    Case("a token beyond the vocabulary", .tokenOutsideVocabulary(member: 0, token: 10)) {
      $0.responses[0].tokens[1] = 10
    },
    Case("a negative token", .tokenOutsideVocabulary(member: 0, token: -1)) { $0.responses[0].tokens[0] = -1 },
    Case("an outcome above 1", .badReward(what: "outcome reward", member: 0, value: 1.5)) { $0.outcomes[0] = 1.5 },
    Case("a thinking reward below 0", .badReward(what: "thinking reward", member: 1, value: -0.1)) {
      $0.thinking[1] = -0.1
    },
    Case("two versions behind", .stale(version: 0, step: 3, bound: 1)) { $0.version = 0 },
    Case("a version that step 3 cannot train on", .stale(version: 3, step: 3, bound: 1)) { $0.version = 3 },
    Case("step 0, which no version precedes", .stale(version: 0, step: 0, bound: 1)) {
      $0.version = 0
      $0.step = 0
    },
  ]

  @Test("each rule refuses by name", arguments: cases)
  func rule(_ example: Case) {
    var group = ScoredGroup.sample(step: 3, version: 2)
    example.change(&group)
    #expect(refusal(of: group) == example.refusal)
  }

  @Test("a NaN is refused wherever it stands")
  func nan() {
    for change in [
      { $0.outcomes[0] = .nan }, { $0.thinking[0] = .nan }, { $0.responses[0].logProbabilities[0] = .nan },
    ] as [(inout ScoredGroup) -> Void] {
      var group = ScoredGroup.sample(step: 3, version: 2)
      change(&group)
      #expect(refusal(of: group) != nil)
    }
  }

  private func refusal(of group: ScoredGroup) -> Refusal? {
    do throws(Refusal) {
      try Self.rules.check(group)
      return nil
    } catch {
      return error
    }
  }
}
