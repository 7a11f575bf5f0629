internal import Foundation

extension Verdict {
  /// For a terminal: checks, faults, and where the rest is.
  package func text(_ folder: ChaosFolder) -> String {
    var lines = [""]
    for check in checks { lines.append("\(check.isPassed ? "ok   " : "WRONG") \(check.name): \(check.found)") }
    lines.append("")
    for fault in faults {
      let fired = fault.firedAt.map { String(format: "%6.2f s", $0) } ?? "   never"
      lines.append("\(fired)  \(fault.isProven ? "" : "NOT PROVEN  ")\(fault.fault), at \(fault.when)")
      lines += fault.proof.map { "          \($0)" }
      if fault.firedAt != nil { lines.append("          recovery: \(fault.recovery)") }
    }
    lines += notes.map { "note: \($0)" }
    lines += [
      "", "\(outcome.rawValue.uppercased())\(worstRecovery.map { String(format: ", slowest recovery %.2f s", $0) } ?? "")",
      "page \(folder.page)", "plan \(folder.plan)",
    ]
    if outcome == .failed { lines.append("again with: \(command)") }
    return lines.joined(separator: "\n")
  }
}

extension FaultRecord {
  /// How long it took until work went on.
  var recovery: String {
    func shown(_ seconds: Double?) -> String {
      seconds.map { String(format: "after %.2f s", $0) } ?? "none: there was none left"
    }
    return "next group \(shown(secondsToNextGroup)), next step \(shown(secondsToNextStep))"
  }
}
