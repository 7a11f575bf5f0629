internal import ArgumentParser
internal import Chaos
internal import Foundation
internal import Limits
internal import Rollout
internal import Runs

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says what this machine has and what is missing.",
    discussion: """
        sophia doctor
        sophia doctor --limits      the bounds on messages, files and groups

      Or how a role's process on this machine is, which was started with `--status FILE`: exit code 0 if its loop turns, and \
      with --ready if it can do its work, else 1 and why. That is what a scheduler's probes ask.

        sophia doctor --role worker --status /run/sophia/status --ready
      """)

  @Flag(help: "Print every bound that is enforced on input from outside.")
  var limits = false

  @Option(help: "Folder that runs are to be kept in; its disk is checked.")
  var folder = "."

  @Option(help: "learner, worker or scorer: the role of the process that wrote --status.")
  var role: ProbedRole?

  @Option(help: "Its status file.")
  var status: String?

  @Flag(help: "Whether it is ready, besides being alive: a learner that listens and whose journal takes records, a worker or scorer that is welcome and has its model.")
  var ready = false

  func validate() throws {
    guard (role == nil) == (status == nil), role != nil || !ready else {
      throw ValidationError("--role and --status belong together: sophia doctor --role worker --status FILE [--ready]")
    }
  }

  func run() throws {
    if let role, let status {
      switch StatusFile.examine(status, role: role.role, ready: ready) {
      case .good(let words): return try printLine(words)
      case .bad(let words):
        try printLine(words)
        throw ExitCode(1)
      }
    }
    if limits {
      var section = ""
      for row in Limits.standard.table {
        if row.section != section { try printLine("\(section.isEmpty ? "" : "\n")\(row.section)") }
        section = row.section
        try printLine("  \(row.name.padding(toLength: 36, withPad: " ", startingAt: 0))\(grouped(row.value))  \(row.unit)")
      }
      for problem in Limits.standard.contradictions { try printLine("wrong: \(problem)") }
      return
    }
    let findings = Doctor.examine(folder: folder)
    for finding in findings { try printLine("\(finding.isGood ? "ok     " : "missing") \(finding.text)") }
    for line in Requirements.optional { try printLine("        \(line)") }
    if findings.contains(where: { !$0.isGood }) { throw ExitCode(1) }
  }

  /// Right-aligned, with a space between thousands.
  private func grouped(_ value: Int) -> String {
    let digits = String(value)
    let text = digits.enumerated().map { ($0 > 0 && (digits.count - $0).isMultiple(of: 3) ? " " : "") + String($1) }.joined()
    return String(repeating: " ", count: max(0, 15 - text.count)) + text
  }
}

/// A role whose process writes a status file.
enum ProbedRole: String, ExpressibleByArgument, CaseIterable {
  case learner, worker, scorer

  var role: Role {
    switch self {
    case .learner: .learner
    case .worker: .worker
    case .scorer: .scorer
    }
  }
}
