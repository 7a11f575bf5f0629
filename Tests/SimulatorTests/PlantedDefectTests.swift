import Rollout
import Testing

@testable import Simulator

@Suite("The checks are checked")
struct PlantedDefectTests {
  /// Seeds within which a defect has to be found.
  private static let seeds = 1...1000 as ClosedRange<UInt64>

  /// Which invariants a defect may be found by: those that speak of what it breaks.
  private static let expected: [PlantedDefect: Set<String>] = [
    .acknowledgeEarly: ["S3"], .skipDeduplication: ["S7"], .reuseLeaseNumber: ["S7"], .reuseIncarnation: ["S4"], .speakTooSoon: ["S4"],
    .forgetStalenessAfterResume: ["S6"], .trainInArrivalOrder: ["S12"], .skipAdmission: ["S6", "S8", "S9", "S10"],
    .skipRoleCheck: ["S13"], .skipHolderCheck: ["S7"], .neverExpire: ["L1", "L2"], .neverDeadLetter: ["L1", "L5"], .finishEarly: ["S15"],
    .removeBeforeDurable: ["S11"], .forgetCredit: ["S10"], .greetForEver: ["L1", "L6"], .skipHashCheck: ["S5"],
    .sampleOldWeights: ["S6"], .skipSync: ["S3", "S4"], .retrySync: ["S2", "S3"], .sampleByAttempt: ["S6"],
    .trustDamagedCheckpoint: ["S12"], .renameBeforeSync: ["S11"],
  ]

  @Test("a defect that is planted in the system is found, by an invariant that it breaks", arguments: PlantedDefect.allCases)
  func found(defect: PlantedDefect) throws {
    let expected = try #require(Self.expected[defect])
    for seed in Self.seeds {
      var options = SimulationOptions().varied(by: seed)
      let plan = FaultPlan(seed: seed, options: options).drawn()
      options.planted = defect
      guard let violation = Simulation(seed: seed, options: options, plan: plan).run().violations.first else { continue }
      #expect(expected.contains(violation.invariant), "seed \(seed): \(violation)")
      options.planted = nil
      // It is the defect that was found, and not the system.
      #expect(Simulation(seed: seed, options: options, plan: plan).run().violations == [], "seed \(seed)")
      return
    }
    Issue.record("not found in \(Self.seeds.count) seeds")
  }

  @Test("a plan that breaks an invariant is shortened to the faults that it takes")
  func shortened() throws {
    for seed in Self.seeds {
      var options = SimulationOptions().varied(by: seed)
      let plan = FaultPlan(seed: seed, options: options).drawn()
      options.planted = .skipSync
      guard plan.count > 10, let violation = Simulation(seed: seed, options: options, plan: plan).run().violations.first else { continue }
      var shortening = PlanShortening(seed: seed, options: options, invariant: violation.invariant)
      let short = shortening.shorten(plan)
      #expect(short.count <= 3 && shortening.runs <= 400)
      // What was skipped is missed only where the power is lost.
      #expect(short.contains { $0.kind == .powerLoss || $0.kind == .tornWrite })
      #expect(Simulation(seed: seed, options: options, plan: short).run().violations.first?.invariant == violation.invariant)
      return
    }
    Issue.record("no seed with a long plan finds it")
  }
}
