internal import ArgumentParser
internal import Dashboard
internal import DataSets
internal import Foundation
internal import Runs
internal import Settings
internal import VisionLanguage

/// This program, for starting roles.
var executable: String { URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path }

struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "The whole pipeline on the built-in data: base policy, thinking-reward model, Trust-GRPO, report.",
    discussion: """
      Nothing is downloaded. What is done is kept in the run folder: Ctrl-C stops in good order, and the same command goes \
      on from there.

        sophia demo
        sophia demo --seed 1 --run runs/seed-1 --workers 1
      """)

  @Option(name: .customLong("run"), help: "Folder for everything that the run makes.")
  var runFolder = "runs/demo"

  @Option(help: "Decides data, weights and every draw.")
  var seed: UInt64 = 0

  @Option(help: "Steps of Trust-GRPO.")
  var steps = Demo.Recipe().steps

  @Option(help: "Rollout workers.")
  var workers = Demo.Recipe().workers

  @Option(help: "Reward scorers.")
  var scorers = Demo.Recipe().scorers

  @Option(help: "Steps of the base policy's warm start.")
  var warmStartSteps = Demo.Recipe().warmStartSteps

  @Option(help: "Steps of the thinking-reward model's training.")
  var thinkingSteps = Demo.Recipe().thinkingSteps

  @Option(help: "Held-out rows.")
  var heldOutRows = Demo.Recipe().heldOutRows

  @Option(help: "Learning rate of Trust-GRPO.")
  var learningRate = Demo.Recipe().learningRate

  func validate() throws {
    for (name, value) in [
      ("steps", steps), ("workers", workers), ("scorers", scorers), ("warm-start-steps", warmStartSteps),
      ("thinking-steps", thinkingSteps), ("held-out-rows", heldOutRows),
    ] where value < 1 {
      throw ValidationError("--\(name) is \(value); give 1 or more")
    }
  }

  func run() async throws {
    var recipe = Demo.Recipe()
    recipe.seed = seed
    recipe.steps = steps
    recipe.workers = workers
    recipe.scorers = scorers
    recipe.warmStartSteps = warmStartSteps
    recipe.thinkingSteps = thinkingSteps
    recipe.heldOutRows = heldOutRows
    recipe.learningRate = learningRate
    let folder = RunFolder(runFolder)
    let demo = Demo(
      recipe: recipe, folder: folder, executable: executable, progress: TerminalProgress(), interruption: Interruption())
    try goOnUnlessCompleted(
      try await demo.run(), "sophia demo" + CommandLine.arguments.dropFirst(2).map { " " + $0 }.joined())
    try conclude(RunReport.write(folder), folder)
  }
}

struct TrainCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "A run on your own model and data: a learner, scorers and workers on this machine.",
    discussion: """
      Settings are YAML; key=value pairs change them. The configuration of SophiaVL-R1's released code is accepted as it \
      is. Ctrl-C stops in good order, and the same command goes on from the last checkpoint.

        sophia train run.yaml
        sophia train run.yaml run.steps=200 cluster.workers=4
        sophia train --help-config          every setting with its default

      With --slurm the run becomes jobs of Slurm instead: one for the learner and its scorers, and an array of workers that \
      can be scaled. Run folder, model, data and this program lie on storage that every node has.

        sophia train run.yaml --slurm --slurm-partition gpu --slurm-option=--account=vision
      """)

  @Argument(help: "Settings, YAML or JSON; then key=value pairs that change them.")
  var config: [String] = []

  @Flag(help: "Print every setting with its default and what it means.")
  var helpConfig = false

  @Flag(help: "Submit the run to Slurm, and end; what is written for that lies in RUN/slurm.")
  var slurm = false

  @Option(help: "Slurm's partition.")
  var slurmPartition: String?

  @Option(help: "An option of sbatch for every job, such as --slurm-option=--account=vision; may be repeated.")
  var slurmOption: [String] = []

  @Option(help: "An option of sbatch for workers alone, such as --slurm-worker-option=--qos=scavenger; may be repeated.")
  var slurmWorkerOption: [String] = []

  @Flag(inversion: .prefixedNo, help: "Whether jobs are submitted, or only written.")
  var slurmSubmit = true

  func validate() throws {
    guard slurm || (slurmPartition == nil && slurmOption.isEmpty && slurmWorkerOption.isEmpty && slurmSubmit) else {
      throw ValidationError("--slurm-... options say how the run is submitted to Slurm; give --slurm too")
    }
  }

  func run() async throws {
    if helpConfig { return try printLine(LoadedSettings.help) }
    let settings = try readSettings(config) { note in
      FileHandle.standardError.write(Data("sophia: note: \(note)\n".utf8))
    }
    if slurm { return try submit(settings) }
    let folder = RunFolder(settings.run.folder)
    let training = TrainingRun(
      settings: settings, executable: executable, progress: TerminalProgress(), interruption: Interruption())
    try goOnUnlessCompleted(try await training.run(), "sophia train " + config.joined(separator: " "))
    try conclude(RunReport.write(folder), folder)
  }

  private func submit(_ settings: RunSettings) throws {
    let submission = SlurmSubmission(
      settings: settings, executable: executable,
      options: .init(partition: slurmPartition, all: slurmOption, workers: slurmWorkerOption))
    if !slurmSubmit { try submission.write() }
    let outcome = try slurmSubmit ? submission.submit() : nil
    try submission.lines(outcome).forEach(printLine)
  }
}

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Writes report.html and summary.json of a run again, also while it is under way.",
    discussion: "  sophia report runs/demo")

  @Argument(help: "Run folder.")
  var runFolder: String

  func run() throws {
    let folder = RunFolder(runFolder)
    try RunReport.write(folder)
    try printLine(folder.report)
  }
}

/// - Parameter note: told what the reader of the settings should know about them.
func readSettings(_ arguments: [String], note: (String) -> Void = { _ in }) throws -> RunSettings {
  guard let file = arguments.first else {
    throw UsageError(
      message: "no settings file is named", advice: "sophia train run.yaml; sophia train --help-config prints one to start from")
  }
  return try Misconfiguration.of {
    let loaded = try LoadedSettings.read(file, overrides: Array(arguments.dropFirst()))
    loaded.notes.forEach(note)
    var settings = loaded.settings
    let rows = try readRows(settings.data.trainFiles, settings.data)
    settings.resolve(trainingRows: rows.count)
    // What they name is looked for before they become those of a run folder, which a slip of the pen would stay in.
    _ = try readRows(settings.data.heldOutFiles, settings.data)
    _ = try Qwen25VLConfiguration(folder: settings.model.folder)
    if settings.thinking.kind == .local { _ = try Qwen25VLConfiguration(folder: settings.thinking.folder) }
    return settings
  }
}

func goOnUnlessCompleted(_ outcome: RunOutcome, _ command: String) throws {
  switch outcome {
  case .completed: return
  case .interrupted:
    FileHandle.standardError.write(Data("stopped; go on with: \(command)\n".utf8))
    throw ExitCode(RunExit.interrupted)
  case .stalled(let reason):
    FileHandle.standardError.write(Data("\(reason)\ngo on with: \(command)\n".utf8))
    throw ExitCode(RunExit.stalled)
  }
}

func conclude(_ summary: Summary, _ folder: RunFolder) throws {
  func shown(_ accuracy: Double?) -> String { accuracy.map { String(format: "%.3f", $0) } ?? "none" }
  try printLine("held-out accuracy \(shown(summary.baseAccuracy)) -> \(shown(summary.trainedAccuracy)) on \(summary.rows) rows")
  if let rate = summary.responsesPerSecond { try printLine("\(Int(rate)) responses/s, \(summary.groupsTrained) groups trained") }
  try printLine("policy \(folder.policy) sha256 \(summary.policySHA256 ?? "none")")
  try printLine("report \(folder.report)")
}
