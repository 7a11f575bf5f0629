internal import DataSets
internal import ActionableErrors
internal import Limits
package import TrustGRPO

/// A line of group JSON that cannot be scored.
package struct ScoreRowError: ActionableError, Equatable {
  /// From 1.
  package let line: Int
  package let field: String?
  package let reason: String

  package var code: String { "score.bad-line" }
  package var message: String { "line \(line)" + (field.map { ", field \($0)" } ?? "") + ": \(reason)" }
  package var advice: String {
    "write one object a line, for instance {\"problem_type\": \"numerical\", \"solution\": \"4\", \"responses\": [\"..\"], \"thinking\": [0.7], "
      + "\"step\": 0, \"T\": 1500}"
  }
}

/// Scores groups of responses, one JSON object a line in and one a line out.
///
/// In: `problem_type`, `solution`, `responses` (strings), `thinking` (a number, null or the reward model's text for each
/// response; or null), `step` (0 if absent) and `T` (the settings' own if absent).
/// Out, in this order: `gamma`, `mu_c`, `mu_w`, `weight`, `outcome`, `total`, `advantage`, `one_sided`, `zero_variance`,
/// `missing`. Numbers read back to the same value; what does not exist is null.
package struct ScoreRows: Sendable {
  /// Responses in a group; longer ones are refused before they are scored.
  package static let groupLimit = Limits.standard.texts.responsesPerRow

  package let settings: TrustGRPOSettings

  package init(settings: TrustGRPOSettings) { self.settings = settings }

  /// Scores line after line, so that a long input needs no memory. Blank lines are skipped.
  ///
  /// - Parameters:
  ///   - lines: without their line breaks.
  ///   - write: receives each line of output, without its line break.
  /// - Throws: `ScoreRowError` for the first line that is wrong, when all lines before it have been written.
  package func run(_ lines: some Sequence<String>, write: (String) throws -> Void) throws {
    var number = 0
    for line in lines {
      number += 1
      if line.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      try write(try score(line, number: number))
    }
  }

  /// The output for one line.
  package func score(_ line: String, number: Int) throws(ScoreRowError) -> String {
    let group = try GroupFields(line, number: number)
    var settings = settings
    if let total = group.totalSteps {
      settings.totalSteps = total
      settings.releasedAnnealingSteps = total
    }
    let outcomes = group.responses.map { outcomeReward(response: $0, solution: group.solution, type: group.type) }
    let rewards: GroupRewards
    do {
      rewards = try GroupRewards.compute(
        outcomes: outcomes, thinking: group.thinking, step: group.step, settings: settings)
    } catch {
      throw ScoreRowError(line: number, field: nil, reason: error.message)
    }
    return Self.json(rewards, outcomes: outcomes).serialized
  }

  private static func json(_ rewards: GroupRewards, outcomes: [Double]) -> JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
    return .object([
      .init("gamma", number(rewards.gamma)), .init("mu_c", number(rewards.muCorrect)), .init("mu_w", number(rewards.muWrong)),
      .init("weight", .number(rewards.weight)), .init("outcome", .array(outcomes.map { .number($0) })),
      .init("total", .array(rewards.totals.map { .number($0) })),
      .init("advantage", .array(rewards.advantages.map { .number($0) })), .init("one_sided", .bool(rewards.oneSided)),
      .init("zero_variance", .bool(rewards.zeroVariance)), .init("missing", .integer(rewards.missingThinking)),
    ])
  }
}

/// The fields of one input line, checked.
private struct GroupFields {
  let type: ProblemType
  let solution: String
  let responses: [String]
  let thinking: [Double?]
  let step: Int
  let totalSteps: Int?

  init(_ line: String, number: Int) throws(ScoreRowError) {
    func failure(_ field: String?, _ reason: String) -> ScoreRowError {
      ScoreRowError(line: number, field: field, reason: reason)
    }
    let row: JSONValue
    do {
      row = try JSONParser.parse(line)
    } catch {
      throw failure(nil, error.message)
    }
    guard case .object = row else { throw failure(nil, "a group is an object, and this is \(row.kind)") }

    guard let name = row["problem_type"] else { throw failure("problem_type", "it is missing") }
    guard let type = name.text.flatMap(ProblemType.init) else {
      throw failure("problem_type", "it is none of " + ProblemType.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.type = type
    switch row["solution"] {
    case .string(let text)?: solution = text
    case .integer(let value)?: solution = String(value)
    case .number(let value)?: solution = value.description
    case nil: throw failure("solution", "it is missing")
    case let other?: throw failure("solution", "it is \(other.kind), and a string is expected")
    }

    guard let elements = row["responses"]?.elements else { throw failure("responses", "a list of strings is expected") }
    guard 1...ScoreRows.groupLimit ~= elements.count else {
      throw failure("responses", "it has \(elements.count) elements, and 1 to \(ScoreRows.groupLimit) are accepted")
    }
    var responses: [String] = []
    for (index, element) in elements.enumerated() {
      guard let text = element.text else { throw failure("responses", "element \(index) is \(element.kind), not a string") }
      responses.append(text)
    }
    self.responses = responses

    switch row["thinking"] ?? .null {
    case .null: thinking = responses.map { _ in nil }
    case .array(let scores):
      guard scores.count == responses.count else {
        throw failure("thinking", "it has \(scores.count) elements for \(responses.count) responses")
      }
      var thinking: [Double?] = []
      for (index, score) in scores.enumerated() {
        switch score {
        case .null: thinking.append(nil)
        case .integer(let value): thinking.append(Double(value))
        case .number(let value): thinking.append(value)
        case .string(let text): thinking.append(parseThinkingScore(text))
        default: throw failure("thinking", "element \(index) is \(score.kind), not a number or null")
        }
      }
      self.thinking = thinking
    case let other: throw failure("thinking", "it is \(other.kind), and a list or null is expected")
    }

    step = try Self.count(row, "step", from: 0, failure) ?? 0
    totalSteps = try Self.count(row, "T", from: 1, failure)
  }

  private static func count(
    _ row: JSONValue, _ field: String, from least: Int, _ failure: (String?, String) -> ScoreRowError
  ) throws(ScoreRowError) -> Int? {
    guard let value = row[field], value != .null else { return nil }
    guard let count = value.integer, count >= least else { throw failure(field, "a whole number from \(least) on is expected") }
    return count
  }
}
