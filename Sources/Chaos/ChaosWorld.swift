internal import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Settings
internal import VisualReasoning

/// Data and models for plans that name no settings: the built-in charts and a tiny policy that keeps to the format and
/// guesses between two answers, so that every group has something to learn from. Made in seconds, once.
struct ChaosWorld: Sendable {
  let folder: String

  private static let answers = ["A", "B"]
  private static let supervisedSteps = 60

  private var data: String { "\(folder)/data" }
  private var tokenizer: String { "\(folder)/tokenizer" }
  private var base: String { "\(folder)/base" }
  private var thinking: String { "\(folder)/thinking" }
  private var train: String { "\(data)/guesses.jsonl" }

  /// What a run on it is made with. Short waits, so that what is lost is missed soon.
  var settings: RunSettings {
    var settings = RunSettings()
    settings.model.folder = base
    settings.data.trainFiles = [train]
    settings.rollout.groupSize = 4
    settings.rollout.promptsPerStep = 4
    settings.rollout.maximumResponseTokens = 16
    settings.optimizer.learningRate = 1e-3
    settings.thinking.kind = .local
    settings.thinking.folder = thinking
    settings.run.seed = 9
    settings.run.steps = 30
    settings.run.checkpointEvery = 3
    settings.run.evaluateEvery = 0
    settings.cluster.workers = 2
    settings.cluster.scorers = 1
    settings.cluster.learnerThreads = 1
    settings.cluster.leaseSeconds = 5
    settings.cluster.heartbeatSeconds = 0.2
    settings.cluster.peerTimeoutSeconds = 2
    settings.cluster.maximumAttempts = 100
    return settings
  }

  /// - Throws: `CancellationError` if `shouldStop` said so.
  func make(_ progress: TerminalProgress, shouldStop: () -> Bool) throws {
    guard !FileManager.default.fileExists(atPath: "\(thinking)/config.json") else { return }
    let stage = progress.stage("data and models to break", total: 2 * Self.supervisedSteps)
    let set = try BuiltInDataSet(
      DataRecipe(seed: 5, trainRows: 64, heldOutRows: 8, supervisedRows: 8, judgedRows: 64, judgedHeldOutRows: 8))
    if !set.isWritten(to: data) { _ = try set.write(to: data) }
    let rows = try DataFile.read("\(data)/\(BuiltInDataSet.RowFile.train.rawValue)", use: .grading)
    let guesses = rows.enumerated().map { index, row in guess(row, index) }
    try DurableFiles.write(guesses.map { $0 + "\n" }.joined(), to: train)
    let corpus = String(decoding: try DurableFiles.read("\(data)/\(BuiltInDataSet.corpusFile)"), as: UTF8.self)
    try TinyModelFiles(
      corpus: corpus, kept: BuiltInDataSet.unsplitTexts, vocabularySize: 400, pictures: []
    ).write(to: tokenizer)
    try learn(.policy, from: train, use: .supervised, out: base, stage, done: 0, shouldStop)
    try learn(
      .thinkingReward(ThinkingRewardForm(system: "")), from: "\(data)/\(BuiltInDataSet.RowFile.judged.rawValue)",
      use: .judging,
      out: thinking, stage, done: Self.supervisedSteps, shouldStop)
    stage.finish()
  }

  /// A chart and a question with one right letter; the response to learn from names any.
  private func guess(_ row: DataRow, _ index: Int) -> String {
    let answer = Self.answers[(index / 2) % 2]
    let right = Self.answers[index % 2]
    return JSONValue.object([
      .init("problem_id", .string("\(index)")), .init("problem", .string(row.problem)),
      .init("problem_type", .string("multiple choice")),
      .init("path", .string(BuiltInDataSet.picturePath(.train, index))),
      .init("solution", .string("<answer>\(right)</answer>")),
      .init("response", .string("<think> 1</think><answer>\(answer)</answer>")),
    ]).serialized
  }

  private func learn(
    _ purpose: SupervisedRun.Purpose, from file: String, use: RowUse, out: String, _ stage: TerminalProgress.Stage,
    done: Int, _ shouldStop: () -> Bool
  ) throws {
    guard !FileManager.default.fileExists(atPath: "\(out)/config.json") else { return }
    var settings = SupervisedSettings()
    settings.steps = Self.supervisedSteps
    settings.rowsPerStep = 8
    settings.warmupSteps = 5
    try SupervisedRun(
      purpose, from: .tiny(besides: tokenizer, seed: 3), rows: DataFile.read(file, use: use), out: out, settings: settings,
      threads: 1
    ).run(shouldStop: shouldStop) { state in stage.update(done: done + state.step, numbers: [("loss", state.loss)]) }
  }
}
