internal import ArgumentParser
internal import Dashboard
internal import DataSets
internal import Runs

struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Trains again from the journal of a run and compares every step's weights, bit for bit.",
    discussion: """
      An asynchronous run depends on which samples came when. Its journal has every group with the order in which it was \
      trained, so the same weights can be made again: on the same build and kind of processor, with the run's own \
      cluster.learnerThreads. The run folder is only read, also while the run is under way. Exit code 1 names the first \
      step that differs.

        sophia replay runs/demo
        sophia replay runs/mine --until 50 --json
      """)

  @Argument(help: "Run folder.")
  var runFolder: String

  @Option(help: "The last step to train again; all if absent.")
  var until: UInt32?

  @Flag(help: "Print one JSON object: steps, policy_sha256, equal, first_difference (a step or null).")
  var json = false

  func validate() throws {
    if until == 0 { throw ValidationError("--until is 0; steps count from 1") }
  }

  func run() async throws {
    let outcome = try await Replay(RunFolder(runFolder), until: until, progress: TerminalProgress()).run()
    let difference = outcome.firstDifference
    if json {
      try printLine(
        JSONValue.object([
          .init("steps", .integer(outcome.steps)), .init("policy_sha256", .string(outcome.policy.description)),
          .init("equal", .bool(difference == nil)),
          .init("first_difference", difference.map { .integer(Int($0.step)) } ?? .null),
        ]).serialized)
    } else {
      try printLine("policy sha256 \(outcome.policy)")
      try printLine(difference == nil ? "equal: all \(outcome.steps) steps" : "different from step \(outcome.steps) on")
    }
    if let difference { throw difference }
  }
}
