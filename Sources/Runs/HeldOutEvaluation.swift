internal import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Rollout
internal import RunStore
internal import Settings
internal import Torch

/// The greedy evaluation of a run's held-out rows, before training and after it. Answers are kept as JSON lines, and made
/// once: a run that goes on finds them.
struct HeldOutEvaluation {
  enum Moment: String {
    case before, after
  }

  let settings: RunSettings
  let folder: RunFolder
  let progress: TerminalProgress

  /// - Returns: false if `shouldStop` said so; nothing is kept then.
  func run(_ moment: Moment, _ telemetry: RunTelemetry, shouldStop: () -> Bool) throws -> Bool {
    let rows = try self.rows()
    guard !rows.isEmpty, !FileManager.default.fileExists(atPath: answers(moment)) else { return !shouldStop() }
    let started = ContinuousClock.now
    let startedAt = Date().timeIntervalSince1970
    let stage = progress.stage("evaluation \(moment.rawValue)", total: rows.count)
    try TorchRuntime.setThreads(settings.cluster.learnerThreads)
    let policy = try LoadedPolicy(
      folder: moment == .before ? settings.model.folder : folder.policy, dtype: settings.model.tensorType,
      device: Device(settings.model.device), minPixels: settings.data.minPixels, maxPixels: settings.data.maxPixels,
      maximumPromptTokens: settings.data.maximumPromptTokens)
    let engine = try GenerationEngine(policy, cacheLimit: settings.rollout.cacheBytes)
    let result: GreedyEvaluation
    do {
      result = try GreedyEvaluation.run(
        engine, policy.encoder, rows: rows, system: settings.data.systemPrompt,
        maximumTokens: settings.rollout.maximumResponseTokens
      ) { done in
        if shouldStop() { throw CancellationError() }
        stage.update(done: done)
      }
    } catch is CancellationError {
      stage.finish("stopped")
      return false
    }
    stage.finish("accuracy \(percent(result.accuracy)) on \(result.rows) held-out rows")
    try telemetry.record(
      evaluation: Evaluation(
        name: "held-out", step: moment == .before ? 0 : UInt32(settings.run.steps), rows: result.rows,
        accuracy: result.accuracy, outcome: result.outcome))
    try telemetry.record(
      stage: RunStage(
        name: "evaluation", startedAt: startedAt, seconds: (ContinuousClock.now - started).inSeconds))
    try DurableFiles.createFolder(folder.evaluations)
    try result.write(rows: rows, to: answers(moment))
    return true
  }

  /// Keeps a few problems with the answers before and after, for the report: those that changed from wrong to right
  /// first, then one that is still wrong, then others.
  func recordExamples(_ telemetry: RunTelemetry) throws {
    let rows = try self.rows()
    guard !rows.isEmpty else { return }
    let before = try kept(.before)
    let after = try kept(.after)
    guard before.count == rows.count, after.count == rows.count else { return }
    let indices = rows.indices
    let mended = indices.filter { !before[$0].isRight && after[$0].isRight }
    let wrong = indices.filter { !after[$0].isRight }
    let right = indices.filter { before[$0].isRight && after[$0].isRight }
    let chosen = Array(mended.prefix(4)) + wrong.prefix(2) + right.prefix(2)
    try telemetry.record(
      examples: chosen.map { index in
        let task = try rows[index].task(system: nil)
        return Example(
          problem: task.problem, image: task.images.first, solution: task.solution, before: before[index],
          after: after[index])
      })
  }

  private func rows() throws -> [DataRow] {
    let rows = try readRows(settings.data.heldOutFiles, settings.data)
    return settings.run.evaluateRows > 0 ? Array(rows.prefix(settings.run.evaluateRows)) : rows
  }

  private func answers(_ moment: Moment) -> String { "\(folder.evaluations)/\(moment.rawValue).jsonl" }

  private func kept(_ moment: Moment) throws -> [Example.Answer] {
    try DurableFiles.read(answers(moment)).split(separator: UInt8(ascii: "\n")).compactMap { line in
      let value = try JSONParser.parse(line)
      guard let text = value["response"]?.text, let outcome = value["outcome"]?.double else { return nil }
      return Example.Answer(text: text, outcome: outcome)
    }
  }
}

func percent(_ share: Double) -> String {
  "\((share * 1000).rounded() / 10) %"
}
