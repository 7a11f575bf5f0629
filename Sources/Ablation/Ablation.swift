package import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import JudgeServer
internal import Rollout
package import Runs
internal import Settings
internal import Synchronization
internal import VisualReasoning

/// Performs a plan: base policies and judges first, then settings are chosen, then every run is made, several at once, each a
/// run of the usual kind with a learner, a scorer and a worker as processes of their own. What is done is kept, and the same
/// call goes on from there.
package struct Ablation: Sendable {
  package enum Outcome: Sendable, Equatable {
    case completed
    case interrupted
  }

  private let plan: AblationPlan
  private let folder: String
  private let executable: String
  private let jobs: Int
  private let keepsRuns: Bool
  private let progress: TerminalProgress
  private let interruption: Interruption

  /// - Parameters:
  ///   - executable: the program whose `learner`, `scorer` and `worker` commands are started.
  ///   - jobs: runs at once.
  ///   - keepsRuns: whether run folders stay once their results are taken.
  package init(
    _ plan: AblationPlan, folder: String, executable: String, jobs: Int, keepsRuns: Bool, progress: TerminalProgress,
    interruption: Interruption
  ) {
    self.plan = plan
    self.folder = RunFolder(folder).path
    self.executable = executable
    self.jobs = jobs
    self.keepsRuns = keepsRuns
    self.progress = progress
    self.interruption = interruption
  }

  package var page: String { "\(folder)/ablation.html" }

  package func run() async throws -> Outcome {
    let lock = try RunFolder(folder).open(as: "ablate")
    defer { withExtendedLifetime(lock) {} }
    do {
      let (chosen, isAtEnd) = try await choose()
      let cells = try plan.arms.flatMap { try plan.cells(of: $0, chosen: chosen) }
      let runs = try plan.runs(cells, bases: plan.bases, seeds: plan.seeds, rows: .report)
      var bases = try await prepare(plan.bases, judges: plan.allJudges, rows: .report)
      for (seed, base) in bases {
        bases[seed]?.measured = try await measure(base, maximumTokens: cells[0].settings.rollout.maximumResponseTokens)
      }
      let report = AblationReport(
        plan: plan, folder: folder, chosen: chosen, isChosenAtEnd: isAtEnd, cells: cells, bases: bases, runCount: runs.count)
      try await perform(runs, bases, as: "runs") { results in try report.write(results) }
      return .completed
    } catch is CancellationError {
      return .interrupted
    }
  }

  // MARK: Choosing

  /// - Returns: the entries that are chosen, none if the plan has nothing to choose, and whether one of them lies at an end of
  ///   what was tried, so that something better may lie beyond.
  private func choose() async throws -> (entries: [ConfigurationEntry], isAtEnd: Bool) {
    guard let choice = plan.choice, let arm = plan.arms.first(where: { $0.name == choice.arm }) else { return ([], false) }
    let judges = Set(try plan.cells(of: arm, chosen: []).compactMap(\.cell.judge))
    let bases = try await prepare(choice.bases, judges: plan.allJudges.filter(judges.contains), rows: .choose)
    let options = try combinations(of: choice.among).map { option in
      (option: option, runs: try plan.runs(plan.cells(of: arm, chosen: option), bases: choice.bases, seeds: choice.seeds, rows: .choose))
    }
    let results = try await perform(options.flatMap(\.runs), bases, as: "runs to choose settings by") { _ in }
    let scored = options.map { option in
      (option: option.option, accuracy: average(option.runs.compactMap { results[$0.identity]?.end.accuracy }))
    }
    for (option, accuracy) in scored {
      progress.print("chosen from: \(Self.words(option)): accuracy \(String(format: "%.3f", accuracy)) on the rows for choosing")
    }
    // The first of equals.
    let best = scored.dropFirst().reduce(scored[0]) { $1.accuracy > $0.accuracy ? $1 : $0 }
    let isAtEnd = zip(choice.among, best.option).contains { axis, entry in
      axis.values.count > 2 && (entry == axis.values.first || entry == axis.values.last)
    }
    progress.print("chosen: \(Self.words(best.option))\(isAtEnd ? ", at an end of what was tried" : "")")
    return (best.option, isAtEnd)
  }

  static func words(_ entries: [ConfigurationEntry]) -> String {
    entries.map { "\($0.path) \($0.text.shown)" }.joined(separator: ", ")
  }

  // MARK: Base policies and judges

  /// Another recipe makes other models: they have a folder of their own.
  private var models: BuiltInModels {
    BuiltInModels(plan.recipe, in: "\(folder)/models-\(SHA256Digest(of: Array("\(plan.recipe)".utf8)).description.prefix(8))")
  }

  /// Makes what is missing.
  private func prepare(
    _ seeds: [UInt64], judges: [AblationPlan.Judge], rows: AblationRun.Rows
  ) async throws -> [UInt64: AblationBase] {
    let models = models
    if let set = try models.missingData() {
      let stage = progress.stage("data", total: plan.trainRows + plan.chooseRows + plan.reportRows)
      _ = try set.write(to: models.data) { done, _ in stage.update(done: done) }
      stage.finish()
    }
    if let basics = try models.basicsTraining() { try await train("learning to see, to calculate and to work out", [("", basics)]) }
    var trainings: [(name: String, run: SupervisedRun)] = []
    if judges.contains(.trained), let run = try models.thinkingTraining() { trainings.append(("judge ", run)) }
    if judges.contains(.fewLabels),
      let run = try models.thinkingTraining(to: fewLabels, labels: AblationPlan.Judge.fewLabelCount, isBlind: true)
    {
      trainings.append(("blind judge ", run))
    }
    try await train("thinking-reward models", trainings)
    let policies = try await warmStarts(seeds)
    let train = try DataFile.read(models.file(.train), use: .grading)
    let heldOut = try DataFile.read(models.file(.heldOut), use: .grading)
    let scenes = try SceneCatalogue(folder: models.data)
    return policies.mapValues { policy in
      AblationBase(
        models: models, policy: policy, fewLabels: fewLabels, train: train,
        heldOut: Array(rows == .choose ? heldOut.prefix(plan.chooseRows) : heldOut.dropFirst(plan.chooseRows)), scenes: scenes)
    }
  }

  private func train(_ name: String, _ runs: [(name: String, run: SupervisedRun)]) async throws {
    try await SupervisedStage.train(name, runs, atOnce: jobs, progress: progress, interruption: interruption)
  }

  private static let longestStart = 8

  /// Makes longer warm starts where one is not enough; each one's policy is kept, and so is how right it is.
  ///
  /// - Returns: the folders of the policies that runs start from.
  private func warmStarts(_ seeds: [UInt64]) async throws -> [UInt64: String] {
    let wanted = plan.models.startAccuracy ?? 0
    var found: [UInt64: String] = [:]
    for factor in 1...Self.longestStart {
      let open = seeds.filter { found[$0] == nil }
      try await train(
        "base policies",
        try open.compactMap { seed in
          try models.otherBaseTraining(seed: seed, factor: factor).map { (name: "policy \(seed) ", run: $0) }
        })
      for seed in open {
        let policy = models.otherBase(seed: seed, factor: factor)
        let accuracy = try await startAccuracy(of: policy)
        progress.print(
          "base policy \(seed) after \(factor * plan.models.warmStart) steps: accuracy \(String(format: "%.3f", accuracy)) on the rows for choosing")
        if accuracy >= wanted { found[seed] = policy }
      }
      if found.count == seeds.count { return found }
    }
    let late = seeds.filter { found[$0] == nil }.map(String.init).joined(separator: ", ")
    throw AblationError(
      "start", "base policy \(late) is not right in \(wanted) of the rows after \(Self.longestStart * plan.models.warmStart) steps",
      advice: "lower models.startAccuracy, raise models.warmStartSteps, or take other bases or data")
  }

  private func startAccuracy(of policy: String) async throws -> Double {
    let kept = "\(policy).accuracy-\(plan.chooseRows)"
    if let text = try? DurableFiles.read(kept, limit: 64), let value = Double(String(decoding: text, as: UTF8.self)) { return value }
    let measure = try await AblationMeter().greedy(
      policy: policy, rows: Array(DataFile.read(models.file(.heldOut), use: .grading).prefix(plan.chooseRows)),
      scenes: SceneCatalogue(folder: models.data), maximumTokens: AblationPlan.start.rollout.maximumResponseTokens,
      shouldStop: { interruption.isRequested })
    try DurableFiles.write("\(measure.accuracy)", to: kept)
    return measure.accuracy
  }

  private var fewLabels: String { "\(models.folder)/few-labels" }

  /// The base policy and the judges on what they have not seen; kept, because it takes a while.
  private func measure(_ base: AblationBase, maximumTokens: Int) async throws -> AblationBase.Measured {
    let judges = plan.allJudges
    let asked = "\(base.policy) \(AblationPlan.form) \(plan.chooseRows) \(plan.reportRows) \(maximumTokens) \(judges.map(\.rawValue))"
    let kept = "\(base.models.folder)/measured-\(SHA256Digest(of: Array(asked.utf8)).description.prefix(8)).json"
    if let bytes = try? DurableFiles.read(kept, limit: 1 << 20),
      let measured = try? JSONDecoder().decode(AblationBase.Measured.self, from: Data(bytes))
    {
      return measured
    }
    let meter = AblationMeter()
    var measured = AblationBase.Measured(
      greedy: try await meter.greedy(
        policy: base.policy, rows: base.heldOut, scenes: base.scenes, maximumTokens: maximumTokens,
        shouldStop: { interruption.isRequested }))
    for judge in judges {
      let labelled = base.models.file(.judgedHeldOut)
      measured.rankCorrelation[judge.rawValue] =
        if let model = base.folder(of: judge) {
          try await meter.report(judge: model, on: labelled).rankCorrelation
        } else {
          try Self.countingReport(on: labelled).rankCorrelation
        }
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFiles.write(Array(try encoder.encode(measured)) + [10], to: kept)
    return measured
  }

  /// As the judge that counts words scores a trace.
  static func countedScore(_ thinking: String) -> Double {
    min(1, Double(ConfidentWords.count(in: thinking)) / AblationPlan.Judge.wordsForFullScore)
  }

  private static func countingReport(on file: String) throws -> ThinkingRewardReport {
    let rows = try DataFile.read(file, use: .judging)
    return ThinkingRewardReport(scores: rows.map { countedScore($0.thinking) }, truth: rows.map { $0.thinkingScore ?? 0 })
  }

  // MARK: Runs

  /// Makes the runs whose results are not there yet.
  ///
  /// - Parameter onResult: told all results whenever there is a new one that is worth showing.
  @discardableResult
  private func perform(
    _ runs: [AblationRun], _ bases: [UInt64: AblationBase], as name: String, onResult: ([String: AblationResult]) throws -> Void
  ) async throws -> [String: AblationResult] {
    try DurableFiles.createFolder("\(folder)/results")
    var results: [String: AblationResult] = [:]
    for run in runs {
      results[run.identity] = AblationResult.read(result(run))
      // A process that was killed may have left the folder of a run whose result is there.
      if results[run.identity] != nil, !keepsRuns { try DurableFiles.remove(runFolder(run)) }
    }
    let open = runs.filter { results[$0.identity] == nil }
    if !results.isEmpty { progress.print("\(name): \(results.count) of \(runs.count) are there already") }
    try onResult(results)
    guard !open.isEmpty else { return results }
    let judge = try wordJudge()
    defer { judge.close() }
    progress.print(AblationTable.head(plan))
    let stage = progress.stage(name, total: open.count)
    var failures: [String] = []
    var (done, shownAt) = (0, ContinuousClock.now)
    try await withThrowingTaskGroup(of: (AblationRun, Result<AblationResult, any Error>).self) { group in
      var waiting = open[...]
      func add() {
        // A fault that strikes one run after the other is not of the runs.
        guard failures.count < 3, !interruption.isRequested, let run = waiting.popFirst() else { return }
        guard let base = bases[run.base] else { preconditionFailure("a run on a base that nobody made") }
        group.addTask {
          do {
            return (run, .success(try await perform(run, base, judge)))
          } catch {
            return (run, .failure(error))
          }
        }
      }
      for _ in 0..<jobs { add() }
      while let (run, outcome) = try await group.next() {
        switch outcome {
        case .success(let result):
          results[run.identity] = result
          done += 1
          progress.print(AblationTable.row(plan, result))
          stage.update(done: done)
          if ContinuousClock.now - shownAt > .seconds(60) {
            try onResult(results)
            shownAt = .now
          }
        case .failure(is CancellationError): break
        case .failure(let error):
          failures.append("\(error)")
          progress.print("\(runFolder(run)): \(error)")
        }
        add()
      }
    }
    try onResult(results)
    if interruption.isRequested, results.count < runs.count {
      stage.finish("stopped after \(done)")
      throw CancellationError()
    }
    stage.finish("\(done) runs")
    guard let first = failures.first else { return results }
    throw AblationError(
      "runs", "\(runs.count - results.count) of \(runs.count) runs were not made, \(failures.count) of them because they failed, the first so: \(first)",
      advice: "mend what it names; the same command makes the runs that are missing")
  }

  /// At the address that it had before, if that is free: runs that were interrupted go on only with the settings that they had.
  private func wordJudge() throws -> JudgeServer {
    let kept = "\(folder)/judge-port"
    let port = (try? DurableFiles.read(kept, limit: 16)).flatMap { UInt16(String(decoding: $0, as: UTF8.self)) }
    let grade: JudgeServer.Grade = { Self.countedScore($0.thinking) }
    if let port, let judge = try? JudgeServer(port: port, grade: grade) { return judge }
    let judge = try JudgeServer(grade: grade)
    try DurableFiles.write("\(judge.port)", to: kept)
    return judge
  }

  private func result(_ run: AblationRun) -> String { "\(folder)/results/\(run.identity).json" }
  private func runFolder(_ run: AblationRun) -> String { "\(folder)/runs/\(run.identity)" }

  /// - Throws: `CancellationError` if it was interrupted.
  private func perform(_ run: AblationRun, _ base: AblationBase, _ judge: JudgeServer) async throws -> AblationResult {
    let started = ContinuousClock.now
    let folder = RunFolder(runFolder(run))
    var settings = run.settings
    settings.run.folder = folder.path
    settings.model.folder = base.policy
    settings.data.trainFiles = [base.models.file(.train)]
    if let wanted = run.judge {
      if let model = base.folder(of: wanted) {
        settings.thinking.kind = .local
        settings.thinking.folder = model
      } else {
        settings.thinking.kind = .served
        settings.thinking.url = judge.url
        settings.thinking.model = wanted.rawValue
      }
    }
    try discard(folder, unless: settings)
    // What a run says while it goes on is in its log; here it would mix with what others say.
    let training = TrainingRun(
      settings: settings, executable: executable, progress: TerminalProgress(output: NoOutput()), interruption: interruption)
    switch try await training.run() {
    case .completed: break
    case .interrupted: throw CancellationError()
    case .stalled(let reason): throw AblationError("stalled", "a run stalled: \(reason)", advice: "the same command goes on with it")
    }
    let meter = AblationMeter()
    let (steps, policy) = try await meter.steps(of: folder.store, rows: base.train, scenes: base.scenes)
    let end = try await meter.greedy(
      policy: folder.policy, rows: base.heldOut, scenes: base.scenes, maximumTokens: settings.rollout.maximumResponseTokens,
      shouldStop: { interruption.isRequested })
    let result = AblationResult(
      identity: run.identity, cell: run.cell, base: run.base, seed: run.seed, rows: run.rows, steps: steps, end: end,
      policySHA256: policy, seconds: (ContinuousClock.now - started).inSeconds)
    try result.write(to: self.result(run))
    // What cannot be removed is removed the next time.
    if !keepsRuns { try? DurableFiles.remove(folder.path) }
    return result
  }

  /// An unfinished run goes on unless it has other settings: another address of the judge that counts words, say.
  private func discard(_ folder: RunFolder, unless settings: RunSettings) throws {
    guard FileManager.default.fileExists(atPath: folder.settings) else { return }
    let kept = String(decoding: try DurableFiles.read(folder.settings, limit: 1 << 20), as: UTF8.self)
    if kept != (try settings.json()) + "\n" { try DurableFiles.remove(folder.path) }
  }
}

/// A base policy with its data and judges.
struct AblationBase: Sendable {
  struct Measured: Sendable, Codable {
    var greedy: GreedyMeasure?
    /// Of each judge with the labels of held-out traces, by the judge's name.
    var rankCorrelation: [String: Double] = [:]
  }

  let models: BuiltInModels
  /// The folder of the policy that runs start from.
  let policy: String
  let fewLabels: String
  let train: [DataRow]
  let heldOut: [DataRow]
  let scenes: SceneCatalogue
  var measured = Measured()

  /// - Returns: nil for a judge that is no model.
  func folder(of judge: AblationPlan.Judge) -> String? {
    switch judge {
    case .trained: models.thinking
    case .fewLabels: fewLabels
    case .untrained: models.basics
    case .confidentWords: nil
    }
  }
}

private struct NoOutput: ProgressOutput {
  let isTerminal = false
  let usesColor = false
  let usesUnicode = false
  let columns = 80
  func write(_ text: String) {}
}
