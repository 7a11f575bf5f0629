internal import ArgumentParser
internal import DataSets
internal import DurableFiles
internal import Foundation
internal import RunStore

struct LedgerBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "How many groups a second become durable: through every state, in batched commits that are fsynced.",
    discussion: """
      Each group goes from issue over lease, generation and admission to training, with its tokens, log-probabilities and \
      rewards. Give --folder on the disk that runs are kept on.

        sophia bench ledger
        sophia bench ledger --folder runs --batch 16
      """)

  @Option(help: "Groups.")
  var groups = LedgerBenchmark().groups

  @Option(help: "Responses in a group.")
  var responses = LedgerBenchmark().responses

  @Option(help: "Tokens in a response.")
  var tokens = LedgerBenchmark().tokens

  @Option(help: "Groups in a commit.")
  var batch = LedgerBenchmark().batch

  @Option(help: "Folder for the run file, which is removed afterwards.")
  var folder = "."

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value) in [("groups", groups), ("responses", responses), ("tokens", tokens), ("batch", batch)] where value < 1 {
      throw ValidationError("--\(name) is \(value); give 1 or more")
    }
  }

  func run() throws {
    guard isFolder(folder) else {
      throw UsageError(message: "there is no folder \(folder)", advice: "give --folder a folder on the disk to measure")
    }
    let place = "\(folder)/sophia-bench-\(getpid())"
    try DurableFiles.createFolder(place)
    defer { try? DurableFiles.remove(place) }
    var benchmark = LedgerBenchmark()
    (benchmark.groups, benchmark.responses, benchmark.tokens, benchmark.batch) = (groups, responses, tokens, batch)
    let found = try benchmark.run(path: "\(place)/run.sqlite")
    if json {
      return try printLine(
        JSONValue.object([
          .init("groups", .integer(found.groups)), .init("commits", .integer(found.commits)),
          .init("seconds", .number(found.seconds)), .init("processor_seconds", .number(found.processorSeconds)),
          .init("groups_per_s", .number(found.groupsPerSecond)),
        ]).serialized)
    }
    try printLine(
      """
      \(found.groups) groups of \(responses) x \(tokens) tokens in \(found.commits) commits: \
      \(Int(found.groupsPerSecond)) groups/s
      \(rounded(found.seconds)) s, of which \(rounded(found.processorSeconds)) s a processor was busy
      """)
  }

  private func rounded(_ seconds: Double) -> String { String(format: "%.2f", seconds) }
}
