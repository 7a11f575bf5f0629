package import DataSets
internal import DurableFiles
internal import Rewards
package import Rollout
internal import VisionLanguage

/// What greedy decoding makes of held-out rows.
package struct GreedyEvaluation: Sendable {
  package struct Answer: Sendable, Hashable {
    package let response: Response
    /// Outcome reward in [0, 1].
    package let outcome: Double
  }

  /// In the order of the rows.
  package let answers: [Answer]

  package var rows: Int { answers.count }
  /// Share of rows with an outcome of at least 0.5.
  package var accuracy: Double { rows == 0 ? 0 : Double(answers.count { $0.outcome >= 0.5 }) / Double(rows) }
  /// Mean outcome reward.
  package var outcome: Double { rows == 0 ? 0 : answers.reduce(0) { $0 + $1.outcome } / Double(rows) }

  package var score: HeldOutScore { HeldOutScore(rows: rows, accuracy: accuracy, outcome: outcome) }

  /// Answers every row greedily and grades the answers by rule.
  ///
  /// - Parameters:
  ///   - system: for rows that bring no system prompt of their own.
  ///   - progress: told how many rows are answered; what it throws ends the evaluation.
  package static func run(
    _ engine: GenerationEngine, _ encoder: PromptEncoder, rows: [DataRow], system: String?, maximumTokens: Int,
    progress: (Int) throws -> Void = { _ in }
  ) throws -> GreedyEvaluation {
    let prompts = try rows.map { try encoder.encode($0.task(system: system), name: "row \($0.problemID)") }
    let responses = try engine.generateGreedily(prompts: prompts, maximumTokens: maximumTokens, progress: progress)
    return GreedyEvaluation(
      answers: zip(rows, responses).map { row, response in
        Answer(
          response: response,
          outcome: outcomeReward(response: response.text, solution: row.solution, type: row.problemType))
      })
  }
}

// MARK: - Files

extension GreedyEvaluation {
  /// One JSON line a row: `problem_id`, `response`, `outcome`.
  package func write(rows: [DataRow], to path: String) throws {
    let lines = zip(rows, answers).map { row, answer in
      JSONValue.object([
        .init("problem_id", .string(row.problemID)), .init("response", .string(answer.response.text)),
        .init("outcome", .number(answer.outcome)),
      ]).serialized + "\n"
    }
    try DurableFiles.write(lines.joined(), to: path)
  }
}
