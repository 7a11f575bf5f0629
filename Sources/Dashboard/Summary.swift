internal import DurableFiles
internal import Foundation
internal import RunStore

/// `summary.json`: what came out of a run, for programs. The keys and their order are fixed.
package struct Summary: Sendable {
  package struct Process: Sendable, Hashable {
    package var role: String
    package var pid: Int32

    package init(role: String, pid: Int32) {
      self.role = role
      self.pid = pid
    }
  }

  package var seed: UInt64
  /// Greedy accuracy on the held-out rows before and after; nil is written as null.
  package var baseAccuracy: Double?
  package var trainedAccuracy: Double?
  /// Held-out rows.
  package var rows: Int
  /// Of each stage, in the order of the run.
  package var seconds: [(stage: String, seconds: Double)]
  package var responsesPerSecond: Double?
  package var groupsTrained: Int
  package var processes: [Process]
  /// `WeightManifest.digest` of the trained policy, hexadecimal.
  package var policySHA256: String?

  /// From what a report shows.
  package init(_ content: ReportContent) {
    seed = content.seed.flatMap { UInt64($0) } ?? 0
    baseAccuracy = content.baseAccuracy
    trainedAccuracy = content.trainedAccuracy
    rows = content.heldOutRows ?? 0
    seconds = content.stages.map { ($0.name, $0.seconds) }
    responsesPerSecond = content.responsesPerSecond
    groupsTrained = content.groups
    processes = content.processes.map { Process(role: $0.role, pid: $0.pid) }
    policySHA256 = content.policySHA256
  }

  package var json: String {
    let stages = seconds.map { "    \(Self.text($0.stage)): \(Self.number($0.seconds))" }.joined(separator: ",\n")
    let members = processes.map { "    {\"role\": \(Self.text($0.role)), \"pid\": \($0.pid)}" }.joined(separator: ",\n")
    return """
      {
        "seed": \(seed),
        "base_accuracy": \(Self.number(baseAccuracy)),
        "trained_accuracy": \(Self.number(trainedAccuracy)),
        "rows": \(rows),
        "seconds": {
      \(stages)
        },
        "responses_per_s": \(Self.number(responsesPerSecond)),
        "groups_trained": \(groupsTrained),
        "processes": [
      \(members)
        ],
        "policy_sha256": \(policySHA256.map(Self.text) ?? "null")
      }

      """
  }

  /// Writes the file whole or not at all.
  package func write(to path: String) throws {
    try DurableFiles.write(json, to: path)
  }

  /// JSON has no number that is none.
  private static func number(_ value: Double?) -> String {
    value.flatMap { $0.isFinite ? "\(($0 * 1e6).rounded() / 1e6)" : nil } ?? "null"
  }

  private static func text(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\0"..<" ": quoted += String(format: "\\u%04x", scalar.value)
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
