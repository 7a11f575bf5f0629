internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Rewards
internal import Rollout
internal import RunStore
internal import Runs
internal import Threads
internal import Torch
internal import VisualReasoning

/// What greedy decoding of held-out rows shows of a policy.
package struct GreedyMeasure: Sendable, Hashable, Codable {
  package var rows: Int
  /// Share of right answers.
  package var accuracy: Double
  /// Mean quality of the traces, as the checker of the built-in data judges them; 0 for a response without the format.
  package var soundness: Double
  /// Confident filler words in a response, on average.
  package var confidentWords: Double
}

/// What became of a run.
package struct AblationResult: Sendable, Codable {
  /// Of one step's groups, which were sampled and not decoded greedily.
  package struct Step: Sendable, Hashable, Codable {
    package var step: Int
    package var accuracy: Double
    package var soundness: Double
    /// Share of the groups whose members were all right or all wrong.
    package var oneSided: Double
    package var confidentWords: Double
    /// Mean trust weight of the groups in which the thinking reward counted; nil if it counted in none.
    package var gamma: Double?
    /// Mean thinking reward; nil if there was none.
    package var thinking: Double?
  }

  package var identity: String
  package var cell: AblationCell
  package var base: UInt64
  package var seed: UInt64
  package var rows: AblationRun.Rows
  package var steps: [Step]
  package var end: GreedyMeasure
  package var policySHA256: String
  package var seconds: Double

  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try DurableFiles.write(Array(try encoder.encode(self)) + [10], to: path)
  }

  /// - Returns: nil if there is none, or one that an older build wrote otherwise.
  static func read(_ path: String) -> AblationResult? {
    guard let bytes = try? DurableFiles.read(path, limit: 1 << 26) else { return nil }
    return try? JSONDecoder().decode(AblationResult.self, from: Data(bytes))
  }
}

/// Measures policies and runs on a thread of its own.
actor AblationMeter {
  private let executor = ThreadExecutor(name: "measure")

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter shouldStop: asked between batches.
  /// - Throws: `CancellationError` if it said so.
  func greedy(
    policy: String, rows: [DataRow], scenes: SceneCatalogue, maximumTokens: Int, shouldStop: @Sendable () -> Bool
  ) throws -> GreedyMeasure {
    try TorchRuntime.setThreads(1)
    let loaded = try LoadedPolicy(folder: policy)
    let evaluation = try GreedyEvaluation.run(
      GenerationEngine(loaded), loaded.encoder, rows: rows, system: nil,
      maximumTokens: maximumTokens
    ) { _ in if shouldStop() { throw CancellationError() } }
    let texts = evaluation.answers.map(\.response.text)
    return GreedyMeasure(
      rows: rows.count, accuracy: evaluation.accuracy,
      soundness: average(zip(texts, rows).map { soundness(of: $0, to: $1, scenes) }),
      confidentWords: average(texts.map { Double(ConfidentWords.count(in: $0)) }))
  }

  /// What the journal of a run has of every step, and the hash of the policy at its end.
  func steps(of store: String, rows: [DataRow], scenes: SceneCatalogue) throws -> (steps: [AblationResult.Step], policy: String) {
    let reader = try RunReader(path: store)
    let policy = try reader.latestStep()?.policy.description ?? ""
    let steps = try reader.steps().map { step in
      let groups = try reader.training(of: step.step)?.groups ?? []
      var (sound, confident): ([Double], [Double]) = ([], [])
      for group in groups {
        for response in group.responses {
          sound.append(soundness(of: response.text, to: rows[Int(group.unit.prompt)], scenes))
          confident.append(Double(ConfidentWords.count(in: response.text)))
        }
      }
      let gammas = groups.compactMap(\.rewards.gamma)
      let thinking = groups.flatMap { $0.thinking.compactMap { $0 } }
      return AblationResult.Step(
        step: Int(step.step), accuracy: average(groups.flatMap { $0.outcomes.map { $0 >= 0.5 ? 1 : 0 } }),
        soundness: average(sound), oneSided: average(groups.map { $0.rewards.oneSided ? 1 : 0 }), confidentWords: average(confident),
        gamma: gammas.isEmpty ? nil : average(gammas), thinking: thinking.isEmpty ? nil : average(thinking))
    }
    return (steps, policy)
  }

  /// Of a thinking-reward model on labelled traces that it has not seen.
  func report(judge folder: String, on file: String) throws -> ThinkingRewardReport {
    try TorchRuntime.setThreads(1)
    return try ThinkingRewardModel(folder: folder).report(on: DataFile.read(file, use: .judging))
  }

  private func soundness(of response: String, to row: DataRow, _ scenes: SceneCatalogue) -> Double {
    FormattedResponse(response) == nil ? 0 : scenes.assess(response, to: row)?.quality ?? 0
  }
}

/// 0 for no values.
func average(_ values: [Double]) -> Double {
  values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
}
