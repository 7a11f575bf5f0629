internal import ActionableErrors
package import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Rollout
internal import RunStore
internal import Settings
internal import Synchronization
internal import Threads
internal import TrustGRPO
internal import VisualReasoning

/// The whole pipeline on the built-in data: data set, base policy, thinking-reward model, Trust-GRPO across processes,
/// evaluation, report. Every stage leaves its result in the run folder and is not done twice.
package struct Demo: Sendable {
  /// What the demonstration is made with.
  package struct Recipe: Sendable, Codable, Equatable {
    package var seed: UInt64 = 0
    package var trainRows = 4000
    package var heldOutRows = 500
    package var vocabularySize = 440
    package var basicSteps = 600
    package var warmStartSteps = 150
    package var warmStartRows = 48
    package var thinkingSteps = 400
    package var thinkingRows = 48
    package var supervisedLearningRate = 3e-3
    package var steps = 100
    package var promptsPerStep = 16
    package var learningRate = 2e-4
    package var workers = 2
    package var scorers = 1

    package init() {}
  }

  private let recipe: Recipe
  private let folder: RunFolder
  private let executable: String
  private let progress: TerminalProgress
  private let interruption: Interruption

  package init(
    recipe: Recipe, folder: RunFolder, executable: String, progress: TerminalProgress, interruption: Interruption
  ) {
    self.recipe = recipe
    self.folder = folder
    self.executable = executable
    self.progress = progress
    self.interruption = interruption
  }

  private var data: String { "\(folder.path)/data" }
  private var base: String { "\(folder.path)/base" }
  private var thinking: String { "\(folder.path)/thinking" }
  private var threads: Int { min(2, ProcessInfo.processInfo.activeProcessorCount) }

  /// A run that did not complete goes on with the same call.
  package func run() async throws -> RunOutcome {
    let lock = try folder.open(as: "demo")
    defer { withExtendedLifetime(lock) {} }
    try keepRecipe()
    let telemetry = try RunTelemetry(path: folder.store)
    try telemetry.set(MetaKey.title, to: "Trust-GRPO on the built-in bar charts")
    do {
      try makeData(telemetry)
      try await makeModels(telemetry)
      try reportThinking(telemetry)
    } catch is CancellationError {
      return .interrupted
    }
    let training = TrainingRun(
      settings: settings, executable: executable, progress: progress, interruption: interruption)
    return try await training.run()
  }

  /// A run folder belongs to one recipe.
  private func keepRecipe() throws {
    let path = "\(folder.path)/demo.json"
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    let bytes = Array(try encoder.encode(recipe))
    if FileManager.default.fileExists(atPath: path) {
      guard try DurableFiles.read(path, limit: 1 << 20) == bytes else {
        throw RunError(
          code: "demo.other-recipe", message: "\(folder.path) holds a demonstration with other options",
          advice: "give the same options to go on with it, or another folder with --run")
      }
    } else {
      try DurableFiles.write(bytes, to: path)
    }
  }

  // MARK: Stages

  private func makeData(_ telemetry: RunTelemetry) throws {
    let set = try BuiltInDataSet(
      DataRecipe(seed: recipe.seed, trainRows: recipe.trainRows, heldOutRows: recipe.heldOutRows))
    guard !set.isWritten(to: data) else { return progress.print("data: there already (\(data))") }
    try record("data", telemetry) {
      let stage = progress.stage("data", total: recipe.trainRows + recipe.heldOutRows)
      _ = try set.write(to: data) { done, _ in stage.update(done: done) }
      stage.finish("\(recipe.trainRows) problems to train on, \(recipe.heldOutRows) held out")
    }
  }

  /// Tokenizer first, then a model that sees and calculates; then from it both models at once, each on a thread of its own: at this size a
  /// second thread for one of them would only wait.
  private func makeModels(_ telemetry: RunTelemetry) async throws {
    guard !isMade(base) || !isMade(thinking) else {
      return progress.print("base policy and thinking-reward model: there already (\(base), \(thinking))")
    }
    let started = (ContinuousClock.now, Date().timeIntervalSince1970)
    defer {
      // An interrupted stage counts with what it took.
      let seconds = (ContinuousClock.now - started.0).inSeconds
      try? telemetry.record(stage: RunStage(name: "base policy and thinking-reward model", startedAt: started.1, seconds: seconds))
    }
    let supervised = try DataFile.read("\(data)/\(BuiltInDataSet.RowFile.supervised.rawValue)", use: .supervised)
    let judged = try DataFile.read("\(data)/\(BuiltInDataSet.RowFile.judged.rawValue)", use: .judging)
    let files = "\(folder.path)/tokenizer"
    if !FileManager.default.fileExists(atPath: files) {
      let corpus = String(decoding: try DurableFiles.read("\(data)/\(BuiltInDataSet.corpusFile)"), as: UTF8.self)
      try TinyModelFiles(
        corpus: corpus, kept: BuiltInDataSet.unsplitTexts, vocabularySize: recipe.vocabularySize,
        pictures: try supervised.prefix(64).flatMap { try $0.task(system: nil).images }
      ).write(to: files)
    }
    let basics = "\(folder.path)/basics"
    if !isMade(basics) {
      let rows = try DataFile.read("\(data)/\(BuiltInDataSet.RowFile.basics.rawValue)", use: .supervised)
      try await train(
        "learning to see, to calculate and to work out",
        [
          "": SupervisedRun(
            .policy, from: .tiny(besides: files, seed: recipe.seed), rows: rows, out: basics,
            settings: settings(steps: recipe.basicSteps, rows: recipe.warmStartRows), threads: 1)
        ])
    }
    var runs: [String: SupervisedRun] = [:]
    if !isMade(base) {
      runs["policy "] = SupervisedRun(
        .policy, from: .folder(basics), rows: supervised, out: base,
        settings: settings(steps: recipe.warmStartSteps, rows: recipe.warmStartRows), threads: 1)
    }
    if !isMade(thinking) {
      runs["judge "] = SupervisedRun(
        .thinkingReward(ThinkingRewardForm(system: "")), from: .folder(basics), rows: judged, out: thinking,
        settings: settings(steps: recipe.thinkingSteps, rows: recipe.thinkingRows), threads: 1)
    }
    try await train("base policy and thinking-reward model", runs)
  }

  /// Trains models at once, as one stage.
  private func train(_ name: String, _ runs: [String: SupervisedRun]) async throws {
    let stage = progress.stage(name, total: runs.reduce(0) { $0 + $1.value.settings.steps })
    let board = ProgressBoard()
    let tasks = runs.map { name, run in
      Task { [interruption] in
        try await TrainingThread(name).run(run, shouldStop: { interruption.isRequested }) { state in
          let shown = board.post(state, as: name)
          stage.update(
            done: shown.reduce(0) { $0 + $1.state.step }, numbers: shown.map { ("\($0.name)loss", $0.state.loss) })
        }
      }
    }
    do {
      for task in tasks { try await task.value }
    } catch let error as CancellationError {
      stage.finish("stopped")
      throw error
    }
    stage.finish(board.shown.map { "\($0.name)loss \(rounded($0.state.loss))" }.joined(separator: ", "))
  }

  private func reportThinking(_ telemetry: RunTelemetry) throws {
    let heldOut = try DataFile.read("\(data)/\(BuiltInDataSet.RowFile.judgedHeldOut.rawValue)", use: .judging)
    let report = try ThinkingRewardModel(folder: thinking).report(on: heldOut)
    try telemetry.set("thinking_reward.held_out_error", to: "\(report.meanAbsoluteError)")
    try telemetry.set("thinking_reward.rank_correlation", to: "\(report.rankCorrelation)")
    progress.print(
      "thinking-reward model on \(report.rows) held-out traces: mean error \(rounded(report.meanAbsoluteError)), rank correlation \(rounded(report.rankCorrelation))")
  }

  private func settings(steps: Int, rows: Int) -> SupervisedSettings {
    var settings = SupervisedSettings()
    settings.steps = steps
    settings.rowsPerStep = rows
    settings.learningRate = recipe.supervisedLearningRate
    settings.seed = recipe.seed
    return settings
  }

  private func record(_ name: String, _ telemetry: RunTelemetry, _ body: () throws -> Void) throws {
    if interruption.isRequested { throw CancellationError() }
    let started = ContinuousClock.now
    let startedAt = Date().timeIntervalSince1970
    // An interrupted stage counts with what it took.
    defer {
      try? telemetry.record(
        stage: RunStage(name: name, startedAt: startedAt, seconds: (ContinuousClock.now - started).inSeconds))
    }
    try body()
  }

  private func isMade(_ model: String) -> Bool { FileManager.default.fileExists(atPath: "\(model)/config.json") }

  private func rounded(_ value: Double) -> String { String(format: "%.3f", value) }

  // MARK: Settings of the run

  private var settings: RunSettings {
    var settings = RunSettings()
    settings.model.folder = base
    settings.data.trainFiles = ["\(data)/\(BuiltInDataSet.RowFile.train.rawValue)"]
    settings.data.heldOutFiles = ["\(data)/\(BuiltInDataSet.RowFile.heldOut.rawValue)"]
    settings.rollout.groupSize = 8
    settings.rollout.promptsPerStep = recipe.promptsPerStep
    settings.rollout.maximumResponseTokens = 64
    settings.algorithm.totalSteps = recipe.steps
    settings.optimizer.learningRate = recipe.learningRate
    settings.thinking.kind = .local
    settings.thinking.folder = thinking
    settings.run.folder = folder.path
    settings.run.seed = recipe.seed
    settings.run.steps = recipe.steps
    settings.run.checkpointEvery = 20
    settings.run.evaluateEvery = 20
    settings.cluster.workers = recipe.workers
    settings.cluster.scorers = recipe.scorers
    settings.cluster.learnerThreads = threads
    return settings
  }
}

/// A thread that trains one model.
private actor TrainingThread {
  private let executor: ThreadExecutor

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(_ name: String) {
    executor = ThreadExecutor(name: name)
  }

  func run(
    _ run: SupervisedRun, shouldStop: @Sendable () -> Bool, progress: @Sendable (SupervisedProgress) -> Void
  ) throws {
    try run.run(shouldStop: shouldStop, progress: progress)
  }
}

/// Where trainings that go on at once say how far they are.
private final class ProgressBoard: Sendable {
  private let states = Mutex([String: SupervisedProgress]())

  /// In reverse order of the names.
  var shown: [(name: String, state: SupervisedProgress)] {
    states.withLock { $0.sorted { $0.key > $1.key }.map { (name: $0.key, state: $0.value) } }
  }

  func post(_ state: SupervisedProgress, as name: String) -> [(name: String, state: SupervisedProgress)] {
    states.withLock { $0[name] = state }
    return shown
  }
}
