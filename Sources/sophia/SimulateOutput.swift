internal import DataSets
internal import Foundation
internal import Simulator
internal import Synchronization

/// What `sophia simulate` says of a run or of a sweep.
struct SimulateOutput: Sendable {
  /// The command that repeats a seed.
  let command: @Sendable (UInt64) -> String

  // MARK: One run

  func text(_ report: SimulationReport, _ plan: [PlannedFault]) -> String {
    let groups = report.groups
    var lines = [
      "seed         \(report.seed): \(plan.count) faults planned",
      "ran          \(format(report.virtualSeconds)) virtual s, \(report.events) events, \(report.tally.messages) messages",
      "groups       \(groups.issued) issued = \(groups.trained) trained + \(groups.deadLettered) dead-lettered"
        + (groups.issued == groups.trained + groups.deadLettered ? "" : " + \(groups.issued - groups.trained - groups.deadLettered) open"),
      "learner      started \(report.tally.restarts + 1) times; \(report.tally.handedIn) groups handed in across its restarts",
      "acted        \(acted(report.faults))",
      "policy       sha256 \(report.policy ?? "none: nothing has been trained")",
      "trace        \(hexadecimal(report.traceHash)), the same in a second run",
    ]
    lines += report.violations.isEmpty ? ["sound"] : report.violations.map { "BROKEN       \($0)" }
    return lines.joined(separator: "\n")
  }

  func object(_ report: SimulationReport) -> JSONValue {
    .object([
      .init("seed", .integer(Int(clamping: report.seed))), .init("trace_hash", .string(hexadecimal(report.traceHash))),
      .init("virtual_seconds", .number(report.virtualSeconds)), .init("events", .integer(report.events)),
      .init("groups", object(report.groups)), .init("faults", object(report.faults)),
      .init("violations", .array(report.violations.map { object($0) })),
      .init("policy_sha256", report.policy.map { .string($0) } ?? .null),
    ])
  }

  /// How to see a violation again.
  func advice(_ seed: UInt64, _ plan: [PlannedFault]) -> String {
    """
    again        \(command(seed)) --no-swarm --faults '\(plan.text)'
                 these \(plan.count) faults are enough; add --trace all, or a process or unit, for the story
    """
  }

  // MARK: A sweep

  func text(_ summary: Sweep.Summary, _ wanted: [FaultKind], _ seconds: Double) -> String {
    let groups = summary.groups
    var lines = [
      "seeds        \(summary.seeds) in \(format(seconds)) s: \(format(Double(summary.seeds) / max(seconds, 1e-9))) a second",
      "ran          \(format(summary.virtualSeconds / 3600)) virtual hours, \(summary.events) events",
      "groups       \(groups.issued) issued, \(groups.trained) trained, \(groups.deadLettered) dead-lettered",
      "learner      started again \(summary.restarts) times; \(summary.handedIn) groups handed in across its restarts, \(summary.hedges) stragglers hedged",
      "trace        \(hexadecimal(summary.traceHash)) over all seeds",
      "acted        \(acted(summary.faults))",
    ]
    lines += summary.failures.prefix(20).map { "BROKEN       seed \($0.seed): \($0.violation)" }
    if summary.failures.count > 20 { lines.append("BROKEN       and \(summary.failures.count - 20) seeds more") }
    let missing = summary.missing(of: wanted)
    if !missing.isEmpty { lines.append("MISSING      never acted: \(missing.map(\.rawValue).joined(separator: ", ")); run more seeds") }
    if summary.failures.isEmpty, missing.isEmpty { lines.append("sound") }
    return lines.joined(separator: "\n")
  }

  func object(_ summary: Sweep.Summary, _ wanted: [FaultKind]) -> JSONValue {
    .object([
      .init("seeds", .integer(summary.seeds)), .init("trace_hash", .string(hexadecimal(summary.traceHash))),
      .init("virtual_seconds", .number(summary.virtualSeconds)), .init("events", .integer(summary.events)),
      .init("groups", object(summary.groups)), .init("faults", object(summary.faults)),
      .init("never_acted", .array(summary.missing(of: wanted).map { .string($0.rawValue) })),
      .init(
        "violations",
        .array(
          summary.failures.map { failure in
            .object([
              .init("seed", .integer(Int(clamping: failure.seed))), .init("invariant", .string(failure.violation.invariant)),
              .init("message", .string(failure.violation.message)), .init("command", .string(command(failure.seed))),
            ])
          })),
    ])
  }

  // MARK: Parts

  private func acted(_ faults: [FaultKind: Int]) -> String {
    let counted = FaultKind.allCases.compactMap { kind in faults[kind].map { "\(kind.rawValue) \($0)" } }
    return counted.isEmpty ? "no fault" : counted.joined(separator: ", ")
  }

  private func object(_ faults: [FaultKind: Int]) -> JSONValue {
    .object(FaultKind.allCases.compactMap { kind in faults[kind].map { .init(kind.rawValue, .integer($0)) } })
  }

  private func object(_ groups: SimulationReport.Groups) -> JSONValue {
    .object([
      .init("issued", .integer(groups.issued)), .init("trained", .integer(groups.trained)),
      .init("dead_lettered", .integer(groups.deadLettered)),
    ])
  }

  private func object(_ violation: Violation) -> JSONValue {
    .object([.init("invariant", .string(violation.invariant)), .init("message", .string(violation.message))])
  }

  private func hexadecimal(_ hash: UInt64) -> String {
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  private func format(_ value: Double) -> String { String(format: value < 100 ? "%.1f" : "%.0f", value) }
}

/// Says on standard error how far a sweep is.
final class SweepProgress: Sendable {
  private struct State {
    var shown = ContinuousClock.now
    var isAnythingShown = false
  }

  private let total: UInt64
  private let isShown: Bool
  private let started = ContinuousClock.now
  private let state = Mutex(State())

  /// - Parameter isShown: whether somebody is looking: then a line is written over and over, otherwise one now and then.
  init(total: UInt64, isShown: Bool) {
    self.total = total
    self.isShown = isShown
  }

  var seconds: Double {
    let (seconds, attoseconds) = (ContinuousClock.now - started).components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }

  func show(_ summary: Sweep.Summary) {
    state.withLock { state in
      guard ContinuousClock.now - state.shown > (isShown ? .milliseconds(200) : .seconds(10)) else { return }
      state.shown = .now
      state.isAnythingShown = true
      let rate = Double(summary.seeds) / max(seconds, 1e-9)
      let left = Double(total - UInt64(summary.seeds)) / max(rate, 1e-9)
      let text = "\(summary.seeds) of \(total) seeds, \(Int(rate)) a second, \(summary.failures.count) broken, \(Int(left)) s left"
      FileHandle.standardError.write(Data((isShown ? "\r\u{1b}[K\(text)" : "\(text)\n").utf8))
    }
  }

  func finish() {
    if isShown, state.withLock({ $0.isAnythingShown }) { FileHandle.standardError.write(Data("\r\u{1b}[K".utf8)) }
  }
}
