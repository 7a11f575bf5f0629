internal import ArgumentParser
internal import DataSets
internal import Rollout
internal import Runs

struct LedgerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ledger",
    abstract: "Audits a run: every unit of work in one state, none lost or trained twice, every checkpoint whole.",
    discussion: """
      Counts everything again and hashes every checkpoint; changes nothing, and may be used while the run goes on. Exit code \
      1 if anything is not as it should be. The same data, settings and seed in synchronous mode end with the same \
      policy_sha256, however many workers there were and whatever happened to them.

        sophia ledger runs/demo
        sophia ledger runs/demo --json
      """)

  @Argument(help: "Run folder.")
  var runFolder: String

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let audit = try RunAudit(RunFolder(runFolder))
    try printLine(json ? object(audit).serialized : text(audit))
    if !audit.problems.isEmpty { throw ExitCode.failure }
  }

  private func text(_ audit: RunAudit) -> String {
    let ledger = audit.ledger
    let states = UnitState.allCases.compactMap { state in ledger.counts[state].map { "\($0) \(state.rawValue)" } }
    var lines = [
      "units        \(ledger.issued) issued" + (states.isEmpty ? "" : " = \(states.joined(separator: " + "))"),
      "groups       \(ledger.groups) kept, \(ledger.responses) responses",
      "steps        \(ledger.steps), largest staleness \(ledger.largestStaleness)"
        + (audit.staleness.map { " of \($0) allowed" } ?? ""),
      "learner      started \(ledger.incarnations) times",
      "policy       sha256 \(ledger.policy ?? "none: nothing has been trained")",
    ]
    lines += audit.checkpoints.map { "checkpoint   step \($0.record.step), \($0.record.path): \($0.damage == nil ? "whole" : "DAMAGED")" }
    lines += audit.deadLetters.map { "dead letter  unit \($0.unit) of step \($0.step): \($0.reason)" }
    lines += audit.problems.isEmpty ? ["sound"] : audit.problems.map { "WRONG        \($0)" }
    return lines.joined(separator: "\n")
  }

  private func object(_ audit: RunAudit) -> JSONValue {
    let ledger = audit.ledger
    return .object([
      .init("sound", .bool(audit.problems.isEmpty)), .init("problems", .array(audit.problems.map { .string($0) })),
      .init("issued", .integer(ledger.issued)),
      .init("counts", .object(UnitState.allCases.map { .init($0.rawValue, .integer(ledger.counts[$0] ?? 0)) })),
      .init("groups", .integer(ledger.groups)), .init("responses", .integer(ledger.responses)),
      .init("steps", .integer(ledger.steps)), .init("largest_staleness", .integer(ledger.largestStaleness)),
      .init("incarnations", .integer(ledger.incarnations)),
      .init("policy_sha256", ledger.policy.map { .string($0) } ?? .null),
      .init(
        "checkpoints",
        .array(
          audit.checkpoints.map { checkpoint in
            .object([
              .init("step", .integer(Int(checkpoint.record.step))), .init("path", .string(checkpoint.record.path)),
              .init("policy_sha256", .string(checkpoint.record.policy)), .init("whole", .bool(checkpoint.damage == nil)),
            ])
          })),
      .init(
        "dead_letters",
        .array(
          audit.deadLetters.map { letter in
            .object([
              .init("epoch", .integer(Int(letter.unit.epoch))), .init("prompt", .integer(Int(letter.unit.prompt))),
              .init("step", .integer(Int(letter.step))), .init("reason", .string(letter.reason)),
            ])
          })),
    ])
  }
}
