internal import ActionableErrors
package import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Rollout
internal import RunStore
internal import Settings
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

    fileprivate var models: BuiltInModels.Recipe {
      var models = BuiltInModels.Recipe(data: DataRecipe(seed: seed, trainRows: trainRows, heldOutRows: heldOutRows))
      models.vocabularySize = vocabularySize
      models.basicSteps = basicSteps
      models.warmStartSteps = warmStartSteps
      models.warmStartRows = warmStartRows
      models.thinkingSteps = thinkingSteps
      models.thinkingRows = thinkingRows
      models.learningRate = supervisedLearningRate
      return models
    }
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

  private var models: BuiltInModels { BuiltInModels(recipe.models, in: folder.path) }
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
    guard let set = try models.missingData() else { return progress.print("data: there already (\(models.data))") }
    try record("data", telemetry) {
      let stage = progress.stage("data", total: recipe.trainRows + recipe.heldOutRows)
      _ = try set.write(to: models.data) { done, _ in stage.update(done: done) }
      stage.finish("\(recipe.trainRows) problems to train on, \(recipe.heldOutRows) held out")
    }
  }

  /// A model that sees and calculates; then from it both models at once.
  private func makeModels(_ telemetry: RunTelemetry) async throws {
    guard !BuiltInModels.isMade(models.base) || !BuiltInModels.isMade(models.thinking) else {
      return progress.print("base policy and thinking-reward model: there already (\(models.base), \(models.thinking))")
    }
    let started = (ContinuousClock.now, Date().timeIntervalSince1970)
    defer {
      // An interrupted stage counts with what it took.
      let seconds = (ContinuousClock.now - started.0).inSeconds
      try? telemetry.record(stage: RunStage(name: "base policy and thinking-reward model", startedAt: started.1, seconds: seconds))
    }
    if let basics = try models.basicsTraining() {
      try await train("learning to see, to calculate and to work out", [("", basics)])
    }
    let both = [("policy ", try models.baseTraining()), ("judge ", try models.thinkingTraining())]
    try await train("base policy and thinking-reward model", both.compactMap { name, run in run.map { (name, $0) } })
  }

  private func train(_ name: String, _ runs: [(name: String, run: SupervisedRun)]) async throws {
    try await SupervisedStage.train(name, runs, atOnce: runs.count, progress: progress, interruption: interruption)
  }

  private func reportThinking(_ telemetry: RunTelemetry) throws {
    let heldOut = try DataFile.read(models.file(.judgedHeldOut), use: .judging)
    let report = try ThinkingRewardModel(folder: models.thinking).report(on: heldOut)
    try telemetry.set("thinking_reward.held_out_error", to: "\(report.meanAbsoluteError)")
    try telemetry.set("thinking_reward.rank_correlation", to: "\(report.rankCorrelation)")
    progress.print(
      "thinking-reward model on \(report.rows) held-out traces: mean error \(rounded(report.meanAbsoluteError)), rank correlation \(rounded(report.rankCorrelation))")
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

  private func rounded(_ value: Double) -> String { String(format: "%.3f", value) }

  // MARK: Settings of the run

  private var settings: RunSettings {
    var settings = RunSettings()
    settings.model.folder = models.base
    settings.data.trainFiles = [models.file(.train)]
    settings.data.heldOutFiles = [models.file(.heldOut)]
    settings.rollout.groupSize = 8
    settings.rollout.promptsPerStep = recipe.promptsPerStep
    settings.rollout.maximumResponseTokens = 64
    settings.algorithm.totalSteps = recipe.steps
    settings.optimizer.learningRate = recipe.learningRate
    settings.thinking.kind = .local
    settings.thinking.folder = models.thinking
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
