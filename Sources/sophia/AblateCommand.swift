internal import Ablation
internal import ArgumentParser
internal import Dashboard
internal import Foundation
internal import Runs

struct AblateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ablate",
    abstract: "Compares arms of the algorithm over base policies, seeds and thinking-reward models.",
    discussion: """
      A plan in YAML says which arms, crossed with which settings and judges, on how many base policies and seeds of the \
      built-in data. Base policies and judges are made first, then settings are chosen on rows and seeds of their own, then \
      every run is made by a learner, a scorer and a worker of its own, several at once. A line for each run says how it ended; \
      ablation.html has curves, numbers with confidence intervals, and what follows from them, also while runs are still missing.

      Ctrl-C stops in good order, and the same command goes on. What is done is found again after the plan was changed, too.

        sophia ablate cluster/ablation/quick.yaml          # minutes
        sophia ablate cluster/ablation/plan.yaml           # hours
        sophia ablate plan.yaml --list                     # what would be run
      """)

  @Argument(help: "The plan.")
  var plan: String

  @Option(name: .customLong("run"), help: "Folder for everything, in place of the plan's.")
  var folder: String?

  @Option(help: "Runs at once; each keeps about one core busy. As many as there are cores unless given.")
  var jobs: Int?

  @Flag(help: "Keep the folder of every run, for `sophia report`, `ledger` and `replay`.")
  var keepRuns = false

  @Flag(help: "List the cells and count the runs; do nothing.")
  var list = false

  func validate() throws {
    if folder == "" { throw ValidationError("--run is empty; name a folder") }
    if let jobs, jobs < 1 { throw ValidationError("--jobs is \(jobs); give 1 or more") }
  }

  func run() async throws {
    let plan = try AblationPlan.read(plan)
    if list {
      let cells = try plan.cells()
      for (cell, _) in cells {
        try printLine("\(cell.arm), judge \(cell.judge?.rawValue ?? "none")" + zip(plan.cross, cell.values).map { ", \($0.key) \($1 ?? "any")" }.joined())
      }
      try printLine("\(try plan.runCount) runs of \(cells.count) cells, on base policies \(plan.bases) with seeds \(plan.seeds)")
      return try printLine("before them \(try plan.choiceCount) runs to choose settings by")
    }
    let ablation = Ablation(
      plan, folder: folder ?? plan.folder, executable: executable, jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
      keepsRuns: keepRuns, progress: TerminalProgress(), interruption: Interruption())
    guard try await ablation.run() == .completed else {
      FileHandle.standardError.write(Data("stopped; go on with: sophia ablate \(CommandLine.arguments.dropFirst(2).joined(separator: " "))\n".utf8))
      throw ExitCode(RunExit.interrupted)
    }
    try printLine("report \(ablation.page)")
  }
}
