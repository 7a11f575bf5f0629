internal import ActionableErrors
package import Dashboard
internal import DurableFiles
internal import Foundation
internal import RunStore
package import Runs
internal import Settings

/// A plan on a real cluster: the undisturbed run, the disturbed one, and the verdict.
package struct ChaosRun: Sendable {
  package struct Options: Sendable {
    package enum Source: Sendable {
      case plan(file: String)
      case random(count: Int)
    }

    package var source: Source
    package var seed: UInt64 = 0
    /// The run's own settings; nil for the built-in ones.
    package var config: String?
    /// `section.key=value`, over those of the plan.
    package var overrides: [String] = []
    package var folder: String
    package var usesNamespaces = false
    /// What does the same again.
    package var command = ""

    package init(_ source: Source, folder: String) {
      self.source = source
      self.folder = folder
    }
  }

  let options: Options
  let folder: ChaosFolder
  let executable: String
  let progress: TerminalProgress
  let interruption: Interruption

  /// - Parameter executable: the program whose `learner`, `scorer` and `worker` commands are started.
  package init(_ options: Options, executable: String, progress: TerminalProgress, interruption: Interruption) {
    self.options = options
    folder = ChaosFolder(options.folder)
    self.executable = executable
    self.progress = progress
    self.interruption = interruption
  }

  /// - Throws: `CancellationError` if it was interrupted; nothing runs any more then.
  package func run() async throws -> Verdict {
    var plan: FaultPlan?
    if case .plan(let file) = options.source { plan = try FaultPlan.read(file) }
    let lock = try RunFolder(folder.path).open(as: "chaos")
    defer { withExtendedLifetime(lock) {} }
    if options.config == nil { try ChaosWorld(folder: folder.world).make(progress) { interruption.isRequested } }
    let (schedule, own, notes) = try schedule(plan)
    try Requirements.check(schedule, usesNamespaces: options.usesNamespaces)
    let served = schedule.faults.contains { $0.what == .badJudge } ? try JudgeFaults() : nil
    defer { served?.close() }
    let settings = served?.settings(own) ?? own
    try DurableFiles.write(schedule.plan.yaml(comment: ["\(schedule.plan.name), seed \(schedule.seed)"]), to: folder.plan)
    if settings.rollout.staleness > 0 {
      progress.print(
        "asynchronous (rollout.staleness \(settings.rollout.staleness)): compared with the replay of its own journal")
    }
    let reference = settings.rollout.staleness == 0 ? try await undisturbed(settings, as: served == nil ? settings : JudgeFaults.withoutAddress(settings)) : nil
    let disturbed = try await DisturbedRun(
      schedule: schedule, settings: settings, folder: folder, executable: executable, usesNamespaces: options.usesNamespaces,
      judge: served, progress: progress, interruption: interruption
    ).run()
    if interruption.isRequested { throw CancellationError() }
    let verdict = try await judge(disturbed, schedule, reference, settings, notes)
    try verdict.write(to: folder)
    return verdict
  }

  // MARK: Plan and settings

  private func schedule(_ given: FaultPlan?) throws -> (FaultSchedule, RunSettings, notes: [String]) {
    var plan = given
    let overrides = (plan?.settings ?? []) + options.overrides
    let loaded: LoadedSettings
    if let config = options.config {
      loaded = try LoadedSettings.read(config, overrides: overrides)
    } else {
      loaded = try LoadedSettings.parse(
        ChaosWorld(folder: folder.world).settings.json(), file: plan?.name ?? "the built-in settings", overrides: overrides)
    }
    var settings = loaded.settings
    settings.resolve(trainingRows: try readRows(settings.data.trainFiles, settings.data).count)
    // They take time and change no weights.
    settings.data.heldOutFiles = []
    settings.run.keepGroups = true
    var notes = loaded.notes
    if settings.cluster.stallLimitSeconds == 0 {
      settings.cluster.stallLimitSeconds = Self.stallLimit
      notes.append("a run that makes no progress for \(Int(Self.stallLimit)) s is given up (cluster.stallLimitSeconds)")
    }
    if case .random(let count) = options.source { plan = RandomPlan.draw(count, seed: options.seed, settings: settings) }
    plan?.settings = overrides
    let schedule = try FaultSchedule(plan ?? FaultPlan(name: "nothing", faults: []), seed: options.seed, settings: settings)
    return (schedule, settings, notes)
  }

  private static let stallLimit = 120.0

  // MARK: The run to compare with

  /// The undisturbed run, made unless one with the same settings by the same build is there.
  ///
  /// - Returns: its policy, and how long it took if it was made now.
  /// - Parameter known: the settings by which it is known again.
  private func undisturbed(_ settings: RunSettings, as known: RunSettings) async throws -> (policy: String, seconds: Double?) {
    var settings = settings
    settings.run.folder = folder.undisturbed
    var lasting = known
    lasting.run.folder = folder.undisturbed
    let program = SHA256Digest(of: try DurableFiles.read(executable))
    let key = "\(program)\n\(try lasting.json())\n"
    let store = RunFolder(folder.undisturbed).store
    if let known = try? DurableFiles.read(folder.undisturbedKey, limit: 1 << 20), known == Array(key.utf8),
      let policy = try? RunReader(path: store).latestStep()?.policy
    {
      progress.print("the undisturbed run is there already (\(folder.undisturbed))")
      return (policy.description, nil)
    }
    try DurableFiles.remove(folder.undisturbedKey)
    try DurableFiles.remove(folder.undisturbed)
    progress.print("first the undisturbed run, to compare with (\(folder.undisturbed))")
    let began = ContinuousClock.now
    let training = TrainingRun(settings: settings, executable: executable, progress: progress, interruption: interruption)
    switch try await training.run() {
    case .completed: break
    case .interrupted: throw CancellationError()
    case .stalled(let reason):
      throw PlanError(
        "undisturbed-stalled", "the run stalls without any fault: \(reason)", advice: "see \(folder.undisturbed)/logs")
    }
    guard let policy = try RunReader(path: store).latestStep()?.policy else {
      throw PlanError("undisturbed-empty", "the undisturbed run trained nothing", advice: "see \(folder.undisturbed)/logs")
    }
    try DurableFiles.write(key, to: folder.undisturbedKey)
    return (policy.description, (ContinuousClock.now - began).inSeconds)
  }

  // MARK: Verdict

  private func judge(
    _ run: DisturbedRun.Result, _ schedule: FaultSchedule, _ reference: (policy: String, seconds: Double?)?,
    _ settings: RunSettings, _ notes: [String]
  ) async throws -> Verdict {
    let disturbed = RunFolder(folder.disturbed)
    var expected = reference.map { (policy: $0.policy, source: "the undisturbed run") }
    if expected == nil, run.isComplete {
      let replay = try await Replay(disturbed, progress: progress).run()
      expected = (replay.policy.description, "the replay of its journal")
    }
    var numbers = Verdict.Numbers()
    numbers.seconds = run.seconds
    numbers.undisturbedSeconds = reference?.seconds
    numbers.processStarts = run.lives.count
    let judgement = Judgement(end: run.end, isComplete: run.isComplete, folder: disturbed, expected: expected)
    let checks = try judgement.checks(&numbers)
    let isSound = checks.allSatisfy(\.isPassed)
    return Verdict(
      outcome: !isSound ? .failed : run.faults.allSatisfy(\.isProven) ? .passed : .notProven,
      plan: schedule.plan.name, seed: schedule.seed, beganAt: run.beganAt, command: options.command, checks: checks,
      numbers: numbers, faults: run.faults, samples: run.samples, processes: run.lives, notes: notes + run.notes)
  }
}
