internal import ActionableErrors
internal import ArgumentParser
internal import Foundation
internal import Runs

@main
struct Sophia: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sophia",
    abstract: "Trains vision-language reasoning models with Trust-GRPO across many processes.",
    discussion: """
      One learner, one or more scorers and any number of rollout workers speak ZeroMQ; on one machine `sophia train` \
      starts them all.

        sophia demo                          the whole pipeline on the built-in data, in minutes
        sophia train run.yaml                a run on your own model and data
        sophia eval --model DIR --data rows.jsonl
      """,
    subcommands: [],
    groupedSubcommands: [
      CommandGroup(name: "Runs:", subcommands: [DemoCommand.self, TrainCommand.self, ReportCommand.self, ReplayCommand.self, LedgerCommand.self, AblateCommand.self]),
      CommandGroup(name: "Roles of a run:", subcommands: [LearnerCommand.self, ScorerCommand.self, WorkerCommand.self, JudgeCommand.self]),
      CommandGroup(name: "A run at work:", subcommands: [TopCommand.self, MetricsCommand.self]),
      CommandGroup(
        name: "Models and data:",
        subcommands: [SupervisedCommand.self, ThinkingCommand.self, EvaluateCommand.self, DataCommand.self]),
      CommandGroup(
        name: "Checks against other implementations:",
        subcommands: [ScoreCommand.self, LogprobsCommand.self, GenerateCommand.self, TokenizeCommand.self]),
      CommandGroup(name: "Faults:", subcommands: [SimulateCommand.self, ChaosCommand.self, HostsCommand.self]),
      CommandGroup(name: "This machine:", subcommands: [KeysCommand.self, BenchCommand.self, DoctorCommand.self]),
    ])

  static func main() async {
    // A reader that goes away (`sophia score | head`) is an error of a write, not the end of the process.
    signal(SIGPIPE, SIG_IGN)
    startAgainWithQuietThreads()
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let error as any ActionableError {
      FileHandle.standardError.write(Data("sophia: \(error.description)\n".utf8))
      Foundation.exit(error is Misconfiguration ? RunExit.misconfigured : 1)
    } catch {
      exit(withError: error)
    }
  }
}

/// Waiting threads of libgomp spin unless it is told otherwise before it is loaded, which costs whoever shares the cores
/// several times over. So the program sets the variable and starts itself again, once.
private func startAgainWithQuietThreads() {
  guard getenv("OMP_WAIT_POLICY") == nil else { return }
  setenv("OMP_WAIT_POLICY", "passive", 1)
  // By its own name, which is what `ps` and `pgrep` show.
  if let path = realpath("/proc/self/exe", nil) { execv(path, CommandLine.unsafeArgv) }
  // If that fails it goes on as it is, only slower.
}
