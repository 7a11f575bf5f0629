internal import ArgumentParser
internal import Chaos
internal import Foundation
internal import Limits
internal import Runs

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says what this machine has and what is missing.",
    discussion: """
        sophia doctor
        sophia doctor --limits      the bounds on messages, files and groups
      """)

  @Flag(help: "Print every bound that is enforced on input from outside.")
  var limits = false

  @Option(help: "Folder that runs are to be kept in; its disk is checked.")
  var folder = "."

  func run() throws {
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
