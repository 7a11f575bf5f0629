import Limits
import Rollout
import Testing

@testable import Simulator

@Suite("The knobs of a simulation")
struct SimulationOptionsTests {
  @Test("what seeds are run with fits together, whatever they draw")
  func drawn() {
    for seed in 0..<500 as Range<UInt64> { #expect(SimulationOptions().varied(by: seed).contradiction == nil) }
  }

  private static let wrong: [@Sendable (inout SimulationOptions) -> Void] = [
    { $0.workers = 0 }, { $0.workers = Limits.standard.messages.peers }, { $0.steps = 0 }, { $0.credit = Limits.standard.messages.credit + 1 },
    { $0.leaseDuration = 0.1 }, { $0.heartbeat = 0 }, { $0.heartbeat = .infinity }, { $0.heartbeat = .nan }, { $0.peerTimeout = 1 },
    { $0.tick = 1e-9 }, { $0.costs.latency = -1 }, { $0.costs.tokensPerSecond = 0 }, { $0.costs.spread = 2 },
    { $0.costs.modelBytes = -1 }, { $0.faults.calmAfter = 1e9 }, { $0.faults.share = -0.1 }, { $0.faults.perKind = -1 },
    { $0.serviceDeadline = 100_000 },
  ]

  @Test("what cannot be simulated is named", arguments: wrong.indices)
  func contradictions(index: Int) {
    var options = SimulationOptions()
    Self.wrong[index](&options)
    #expect(options.contradiction != nil)
  }

  @Test("settings at the edge run to an end")
  func edges() {
    let edges: [(inout SimulationOptions) -> Void] = [
      { ($0.workers, $0.scorers, $0.steps, $0.promptsPerStep, $0.rows) = (1, 1, 1, 1, 1) },
      { $0.groupSize = 64 }, { $0.credit = 64 }, { $0.rows = 1 }, { $0.checkpointEvery = 0 }, { $0.costs.spread = 0 },
      { ($0.promptsPerStep, $0.workers) = (100, 3) }, { $0.staleness = 30 }, { $0.hedgeAfter = 0.001 },
      { ($0.costs.latency, $0.costs.jitter, $0.costs.fsyncSeconds, $0.costs.prefillSeconds) = (0, 0, 0, 0) },
    ]
    for (index, edge) in edges.enumerated() {
      var options = SimulationOptions()
      options.faults = .none
      edge(&options)
      #expect(options.contradiction == nil, "\(index)")
      let report = Simulation(seed: 1, options: options, plan: []).run()
      #expect(report.violations == [], "\(index)")
    }
  }
}
