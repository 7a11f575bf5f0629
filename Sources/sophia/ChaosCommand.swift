internal import ArgumentParser
internal import Chaos
internal import Dashboard
internal import Foundation
internal import Runs

struct ChaosCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chaos",
    abstract: "Breaks a real cluster by plan, and proves that nothing was lost.",
    discussion: ChaosHelp.discussion)

  @Argument(help: "Fault plan, YAML; then key=value pairs that change the run's settings.")
  var plan: [String] = []

  @Option(help: "In place of a plan: so many faults, drawn from the seed.")
  var random: Int?

  @Option(help: "Decides whom the plan leaves open, random faults, and what links do at random.")
  var seed: UInt64 = 0

  @Option(help: "Settings of your own run, as `sophia train` takes them; a tiny built-in run if absent.")
  var config: String?

  @Option(name: .customLong("run"), help: "Folder for everything that it makes.")
  var runFolder = "runs/chaos"

  @Flag(help: "Every role in a network namespace with an address of its own, in place of the fault proxy; needs root.")
  var namespaces = false

  @Flag(help: "Print the verdict as JSON.")
  var json = false

  @Flag(help: "Print a plan with every key, and comments.")
  var printPlan = false

  func validate() throws {
    if printPlan { return }
    if let random, random < 0 || random > 1000 { throw ValidationError("--random is \(random); give 0 to 1000") }
    let hasPlan = plan.first.map { !$0.contains("=") } ?? false
    guard hasPlan != (random != nil) else {
      throw ValidationError(
        hasPlan
          ? "give either a plan or --random" : "no plan is named: sophia chaos cluster/faults/process.yaml, or --random 5")
    }
  }

  func run() async throws {
    if printPlan { return try printLine(ChaosHelp.examplePlan) }
    var rest = plan[...]
    var options = ChaosRun.Options(
      random.map { .random(count: $0) } ?? .plan(file: rest.removeFirst()), folder: runFolder)
    options.seed = seed
    options.config = config
    options.overrides = Array(rest)
    options.usesNamespaces = namespaces
    options.command = "sophia " + CommandLine.arguments.dropFirst().joined(separator: " ")
    let chaos = ChaosRun(
      options, executable: executable, progress: TerminalProgress(), interruption: Interruption())
    let verdict: Verdict
    do {
      verdict = try await chaos.run()
    } catch is CancellationError {
      FileHandle.standardError.write(Data("stopped; nothing is left running\n".utf8))
      throw ExitCode(RunExit.interrupted)
    }
    try printLine(json ? verdict.json : verdict.text(ChaosFolder(runFolder)))
    throw ExitCode(verdict.outcome.exitCode)
  }
}
