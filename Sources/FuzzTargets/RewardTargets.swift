internal import DataSets
internal import Rewards
internal import ServedReward
internal import TrustGRPO

extension FuzzTarget {
  static let rewards: [FuzzTarget] = [
    FuzzTarget("thinking-score", maximumLength: 256, dictionary: "score", run: thinkingScore),
    FuzzTarget("judge-answer", maximumLength: 512, dictionary: "judge", run: judgeAnswer),
    FuzzTarget("judge-request", maximumLength: 1024, dictionary: "judge", run: judgeRequest),
    FuzzTarget("retry-after", maximumLength: 64, dictionary: "date", run: retryAfter),
    FuzzTarget("answer-grader", maximumLength: 256, dictionary: "mathematics", run: answerGrader),
    FuzzTarget("score-rows", maximumLength: 512, dictionary: "rows", run: scoreRows),
  ]

  @Sendable
  private static func thinkingScore(_ bytes: [UInt8]) -> Bool {
    guard let score = parseThinkingScore(String(decoding: bytes, as: UTF8.self)) else { return false }
    require(score >= 0 && score <= 1, "the score is \(score)")
    return true
  }

  @Sendable
  private static func judgeAnswer(_ bytes: [UInt8]) -> Bool {
    let complaint = ChatAnswer.complaint(in: bytes)
    require(complaint.count <= 200 && !complaint.contains("\n"), "a complaint is not one short line: \(complaint)")
    guard let score = ChatAnswer.score(in: bytes) else { return false }
    require(score >= 0 && score <= 1, "the score is \(score)")
    return true
  }

  @Sendable
  private static func judgeRequest(_ bytes: [UInt8]) -> Bool {
    guard let trace = JudgedTrace(request: bytes) else { return false }
    let size = trace.problem.utf8.count + trace.thinking.utf8.count + trace.images.reduce(0) { $0 + $1.count }
    require(size <= 4 * bytes.count, "\(size) bytes come out of \(bytes.count)")
    return true
  }

  /// The header, and the `Date` that came with it.
  @Sendable
  private static func retryAfter(_ bytes: [UInt8]) -> Bool {
    var input = FuzzInput(bytes)
    let headers = ["retry-after": input.text(), "date": input.text()]
    guard let wait = RetryAfter.duration(headers, now: 0) else { return false }
    require(wait >= .zero && wait <= .seconds(1_000_000_000), "a wait of \(wait)")
    return true
  }

  /// The first byte says of which type the problem is; then response and solution.
  @Sendable
  private static func answerGrader(_ bytes: [UInt8]) -> Bool {
    var input = FuzzInput(bytes)
    let type = input.one(of: ProblemType.allCases)
    let (answer, solution) = (input.text(), input.text())
    let reward = answerReward(answer, solution: solution, type: type)
    require(reward >= 0 && reward <= 1, "\(type) gives \(reward)")
    let response = "<think>so</think><answer>\(answer)</answer>"
    let formatted = outcomeReward(response: response, solution: solution, type: type)
    let isWhole = FormattedResponse(response).map { isSame($0.answer, answer) } ?? false
    require(formatted == (isWhole ? reward : 0), "\(type) gives \(reward), and \(formatted) in its format")
    let loose = outcomeReward(response: answer, solution: solution, type: type)
    require(loose >= 0 && loose <= 1, "\(type) gives \(loose)")
    if type == .numerical, isSame(solutionText(solution), solution) {
      require(equalAsMathematics(answer, solution) == (reward == 1), "\(type) gives \(reward) otherwise than it compares")
      require(equalAsMathematics(solution, answer) == (reward == 1), "\(type) depends on which is the answer")
    }
    return reward > 0
  }

  /// Byte for byte: strings are equal if they are canonically equivalent.
  private static func isSame(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }

  @Sendable
  private static func scoreRows(_ bytes: [UInt8]) -> Bool {
    let rows = ScoreRows(settings: TrustGRPOSettings())
    guard let line = try? rows.score(String(decoding: bytes, as: UTF8.self), number: 1) else { return false }
    guard let read = try? JSONParser.parse(line), let outcomes = read["outcome"]?.elements,
      let advantages = read["advantage"]?.elements
    else {
      require(false, "what is written is no row: \(line)")
      return false
    }
    require(outcomes.allSatisfy { $0.double.map { 0...1 ~= $0 } ?? false }, "outcomes outside of 0 to 1: \(line)")
    require(advantages.count == outcomes.count && advantages.allSatisfy { $0.double != nil }, "no advantages: \(line)")
    return true
  }
}
