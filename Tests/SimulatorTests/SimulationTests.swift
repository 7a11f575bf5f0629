import Rollout
import Testing

@testable import Simulator

@Suite("A simulated cluster")
struct SimulationTests {
  private func run(_ seed: UInt64, _ options: SimulationOptions, _ plan: [PlannedFault]? = nil) -> SimulationReport {
    Simulation(seed: seed, options: options, plan: plan ?? FaultPlan(seed: seed, options: options).drawn()).run()
  }

  private var undisturbed: SimulationOptions {
    var options = SimulationOptions()
    options.faults = .none
    return options
  }

  @Test("without faults every unit is trained once, and the policy is that of a plain loop")
  func plainRun() {
    let report = run(1, undisturbed)
    #expect(report.violations.isEmpty)
    #expect(report.groups == .init(issued: 160, trained: 160, deadLettered: 0))
    let policies = ReferenceRun(options: undisturbed, seed: 1).policies(without: [])
    #expect(report.policy == policies.last?.manifest.digest.description)
    #expect(report.faults.isEmpty && report.tally.restarts == 0)
  }

  @Test("the policy does not depend on how many workers there are, nor on what happens to them")
  func samePolicy() {
    var few = undisturbed
    (few.workers, few.scorers) = (1, 1)
    let faults = [
      PlannedFault(.kill, "worker-3", at: 4, duration: 5), PlannedFault(.kill, "learner", at: 12, duration: 3),
      PlannedFault(.partition, "worker-1", at: 2, duration: 20), PlannedFault(.powerLoss, "learner", at: 20, duration: 30),
    ]
    var disturbed = SimulationOptions()
    disturbed.faults.calmAfter = 40
    let report = run(5, disturbed, faults)
    #expect(report.violations.isEmpty && report.tally.restarts == 2)
    #expect(report.policy == run(5, few).policy)
    #expect(report.policy == run(5, undisturbed).policy)
    #expect(report.policy != run(6, undisturbed).policy)
  }

  @Test("the same seed gives the same events and bytes; another seed gives others", arguments: 1...20 as ClosedRange<UInt64>)
  func deterministic(seed: UInt64) {
    let options = SimulationOptions().varied(by: seed)
    let (first, second) = (run(seed, options), run(seed, options))
    #expect(first == second)
    #expect(first.traceHash != run(seed + 1, options).traceHash)
  }

  @Test("several hundred seeds keep every invariant, and every kind of fault acts")
  func sweep() async {
    let sweep = Sweep(jobs: 2) { SimulationOptions().varied(by: $0) }
    let summary = await sweep.run(seeds: 1..<401)
    #expect(summary.failures.map { "seed \($0.seed): \($0.violation)" } == [])
    #expect(summary.seeds == 400 && summary.groups.issued == 400 * 160)
    #expect(summary.missing(of: FaultKind.allCases) == [])
    // The paths that only faults open are taken.
    #expect(summary.restarts > 400 && summary.hedges > 400 && summary.deltas > 10_000 && summary.handedIn > 400)
  }

  @Test("every kind of fault acts where it is planned, alone, and the run is sound", arguments: FaultKind.allCases)
  func eachFault(kind: FaultKind) {
    var options = SimulationOptions()
    options.faults.kinds = [kind]
    (options.faults.share, options.faults.perKind, options.faults.staysBroken) = (1, 8, 0)
    var acted = 0
    for seed in 1...6 as ClosedRange<UInt64> {
      let report = run(seed, options)
      #expect(report.violations == [], "seed \(seed)")
      acted += report.faults[kind] ?? 0
    }
    #expect(acted > 0)
  }

  @Test("a story tells what happened to one unit of work, and nothing of others")
  func story() throws {
    let simulation = Simulation(seed: 1, options: undisturbed, plan: [])
    let unit = ReferenceRun(options: undisturbed, seed: 1).firstUnit
    let story: Story = try #require(Story(of: "\(unit)"))
    simulation.story = story
    _ = simulation.run()
    let lines = try #require(simulation.story?.lines)
    for word in ["lease", "generates", "pushes", "scores", "admitted", "trained in step 1"] {
      #expect(lines.contains { $0.contains(word) }, "\(word)")
    }
    #expect(lines.allSatisfy { $0.contains("unit \(unit)") || $0.contains("calm") })
    #expect(Story(of: "nobody") == nil && Story(of: "1/x") == nil)
  }
}

extension ReferenceRun {
  fileprivate var firstUnit: UnitID {
    var schedule = schedule
    return schedule.unit(at: 0)
  }
}
