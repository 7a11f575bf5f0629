import Chaos
import Rollout
import Testing

@Suite struct FaultScheduleTests {
  private func plan(_ faults: String) throws -> FaultPlan { try FaultPlan.parse("faults: [\(faults)]", file: "plan.yaml") }

  @Test("whom a plan leaves open is drawn from the seed: always the same, and everyone for some seed")
  func drawing() throws {
    let plan = try plan("{what: kill, whom: any, when: step 3}, {what: stop, whom: worker, when: 2 s, for: 1 s}")
    let settings = try settings(steps: 10)
    let schedules = try (0..<50).map { try FaultSchedule(plan, seed: $0, settings: settings) }
    for seed in 0..<50 { #expect(try FaultSchedule(plan, seed: UInt64(seed), settings: settings) == schedules[seed]) }
    #expect(
      Set(schedules.map { "\($0.faults[0].whom)" }) == ["learner", "scorer 0", "worker 0", "worker 1"])
    #expect(Set(schedules.map { "\($0.faults[1].whom)" }) == ["worker 0", "worker 1"])
  }

  @Test(
    "what the run cannot meet is refused",
    arguments: [
      ("{what: kill, whom: worker 7, when: 1 s}", "the run has 2 workers, counted from 0"),
      ("{what: kill, whom: worker, when: step 10}", "the run ends with step 10"),
    ])
  func impossible(fault: String, message: String) throws {
    let plan = try plan(fault)
    let error = try #require(throws: PlanError.self) { try FaultSchedule(plan, seed: 0, settings: settings(steps: 10)) }
    #expect("\(error)".contains(message) && "\(error)".hasPrefix("plan.yaml, fault 1"), "\(error)")
  }

  @Test("a run without scorers has none to be hit")
  func noScorers() throws {
    let plan = try plan("{what: judge-errors, whom: scorer, when: scoring}")
    let error = try #require(throws: PlanError.self) {
      try FaultSchedule(plan, seed: 0, settings: settings(steps: 10, ["cluster.scorers=0"]))
    }
    #expect("\(error)".contains("the run has no scorer"), "\(error)")
  }

  @Test("random plans are a function of the seed, can be read again, and are met by the run")
  func random() throws {
    var settings = try settings(steps: 30)
    settings.thinking.kind = .local
    var kinds: Set<FaultKind> = []
    for seed in UInt64(0)..<40 {
      let plan = RandomPlan.draw(6, seed: seed, settings: settings)
      #expect(plan == RandomPlan.draw(6, seed: seed, settings: settings))
      #expect(plan.faults.count == 6)
      let schedule = try FaultSchedule(plan, seed: seed, settings: settings)
      #expect(schedule.faults == plan.faults)
      #expect(try FaultPlan.parse(plan.yaml(), file: plan.name).faults == plan.faults)
      kinds.formUnion(plan.faults.map(\.what))
    }
    #expect(kinds == Set(FaultKind.allCases).subtracting([.diskFull, .fsyncError, .clockJump]))
  }
}
