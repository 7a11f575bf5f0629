internal import Foundation
internal import ArgumentParser
internal import Simulator

/// `sophia simulate --day`: a day of a large run, with every check.
struct SimulatedDay {
  let workers: Int
  let seed: UInt64

  func run(_ turn: (SimulationOptions) throws -> SimulationOptions) throws {
    let options = try turn(.largeDay(workers: workers))
    if let wrong = options.contradiction {
      throw UsageError(message: wrong, advice: "`sophia simulate --list-knobs` shows all knobs")
    }
    let began = ContinuousClock.now
    let report = Simulation(seed: seed, options: options, plan: []).run()
    let seconds = (ContinuousClock.now - began) / .seconds(1)
    let hours = String(format: "%.1f", report.virtualSeconds / 3600)
    let speed = String(format: "%.0f s, %.0f events a second", seconds, Double(report.events) / seconds)
    var lines = [
      "ran          \(hours) virtual hours of \(options.workers) workers and \(options.scorers) scorers, \(options.steps) steps of \(options.promptsPerStep) groups",
      "took         \(speed)",
      "groups       \(report.groups.issued) issued, \(report.groups.trained) trained, \(report.groups.deadLettered) dead-lettered",
      "messages     \(report.tally.messages), \(report.events) events",
      "policy       sha256 \(report.policy ?? "none: nothing has been trained")",
    ]
    lines += report.violations.isEmpty ? ["sound"] : report.violations.map { "BROKEN       \($0)" }
    try printLine(lines.joined(separator: "\n"))
    if !report.violations.isEmpty { throw ExitCode.failure }
  }
}
