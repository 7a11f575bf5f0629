internal import ArgumentParser
internal import DataSets
internal import Foundation
internal import Simulator

struct SimulateBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "How many seeds a second one core simulates.",
    discussion: """
      Runs one seed after the other, as `sophia simulate --seeds` does with one job: a swarm of faults on one learner, two \
      scorers and eight workers for 20 steps, every invariant checked after every event; and the same cluster without faults. The seeds are \
      run in five rounds, and the best one is named too: on cores that others use as well it is the steadier number.

        sophia bench simulate
        sophia bench simulate --seeds 2000 --json
      """)

  @Option(help: "Seeds to run of each kind.")
  var seeds: UInt64 = 500

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if seeds < 1 { throw ValidationError("--seeds is \(seeds); give 1 or more") }
  }

  private struct Measured {
    let seconds: Double
    let processorSeconds: Double
    let events: Int
    let broken: Int
    /// Seeds a second of a core, in the round in which that was most.
    let best: Double
  }

  private static var rounds: UInt64 { 5 }

  func run() throws {
    let swarm = measure { SimulationOptions().varied(by: $0) }
    var calm = SimulationOptions()
    calm.faults = .none
    let undisturbed = measure { _ in calm }
    if json {
      return try printLine(
        JSONValue.object([.init("swarm", object(swarm)), .init("undisturbed", object(undisturbed))]).serialized)
    }
    try printLine(text("with a swarm of faults", swarm))
    try printLine(text("undisturbed", undisturbed))
  }

  private func measure(_ options: (UInt64) -> SimulationOptions) -> Measured {
    let started = ContinuousClock.now
    let startedOnProcessor = processorSeconds()
    var (events, broken, best) = (0, 0, 0.0)
    let rounds = min(seeds, Self.rounds)
    for round in 0..<rounds {
      let roundStarted = processorSeconds()
      // Every fifth seed: each round has of all kinds.
      let ofRound = stride(from: round, to: seeds, by: Int(rounds))
      var count = 0
      for seed in ofRound {
        let options = options(seed)
        let report = Simulation(seed: seed, options: options, plan: FaultPlan(seed: seed, options: options).drawn()).run()
        events += report.events
        broken += report.violations.count
        count += 1
      }
      best = max(best, Double(count) / (processorSeconds() - roundStarted))
    }
    let (seconds, attoseconds) = (ContinuousClock.now - started).components
    return Measured(
      seconds: Double(seconds) + Double(attoseconds) * 1e-18, processorSeconds: processorSeconds() - startedOnProcessor,
      events: events, broken: broken, best: best)
  }

  private func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private func text(_ name: String, _ measured: Measured) -> String {
    let rates = String(
      format: "%.0f seeds/s, %.0f a second of a core, %.0f in the best round; %.2f microseconds an event",
      Double(seeds) / measured.seconds, Double(seeds) / measured.processorSeconds, measured.best,
      measured.processorSeconds / Double(measured.events) * 1e6)
    return "\(name.padding(toLength: 24, withPad: " ", startingAt: 0))\(rates), \(measured.events / Int(seeds)) events a seed, \(measured.broken) broken"
  }

  private func object(_ measured: Measured) -> JSONValue {
    .object([
      .init("seeds", .integer(Int(seeds))), .init("seconds", .number(measured.seconds)),
      .init("processor_seconds", .number(measured.processorSeconds)), .init("events", .integer(measured.events)),
      .init("seeds_per_s", .number(Double(seeds) / measured.seconds)),
      .init("seeds_per_core_s", .number(Double(seeds) / measured.processorSeconds)),
      .init("best_seeds_per_core_s", .number(measured.best)), .init("broken", .integer(measured.broken)),
    ])
  }
}
