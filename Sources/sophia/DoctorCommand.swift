internal import ArgumentParser
internal import Chaos
internal import Rollout
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
      for limit in Limits.standard.table { try printLine("\(limit.name): \(limit.value) \(limit.unit)") }
      for problem in Limits.standard.contradictions { try printLine("wrong: \(problem)") }
      return
    }
    let findings = Doctor.examine(folder: folder)
    for finding in findings { try printLine("\(finding.isGood ? "ok     " : "missing") \(finding.text)") }
    for line in Requirements.optional { try printLine("        \(line)") }
    if findings.contains(where: { !$0.isGood }) { throw ExitCode(1) }
  }
}
