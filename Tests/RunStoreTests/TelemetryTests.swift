import Rollout
import Synchronization
import Testing

@testable import RunStore

@Suite("What is recorded beside the ledger")
struct TelemetryTests {
  let folder: TemporaryFolder
  let telemetry: RunTelemetry
  let reader: RunReader

  init() throws {
    folder = try TemporaryFolder()
    telemetry = try RunTelemetry(
      path: folder.file("run.sqlite"), clock: RunClock(wall: { 1_700_000_000 }, monotonic: { 0 }))
    reader = try RunReader(path: folder.file("run.sqlite"))
  }

  @Test("everything reads back as it was recorded")
  func roundTrip() throws {
    try telemetry.set("seed", to: "1")
    try telemetry.set("seed", to: "2")
    #expect(try reader.meta("seed") == "2")
    #expect(try reader.meta("none") == nil)

    try telemetry.record(event: RunEvent(.warning, source: "learner", "worker-1 is gone"))
    #expect(try reader.events() == [RunEvent(.warning, source: "learner", "worker-1 is gone", at: 1_700_000_000)])

    let stage = RunStage(name: "warm start", startedAt: 12.5, seconds: 48.25)
    try telemetry.record(stage: stage)
    #expect(try reader.stages() == [stage])

    let evaluations = [
      Evaluation(name: "held-out", step: 0, rows: 500, accuracy: 0.39, outcome: 0.4),
      Evaluation(name: "held-out", step: 60, rows: 500, accuracy: 0.8, outcome: 0.81, thinking: 0.7),
    ]
    for evaluation in evaluations.reversed() { try telemetry.record(evaluation: evaluation) }
    #expect(try reader.evaluations() == evaluations)

    let example = Example(
      problem: "red + blue ?", image: [137, 80, 0, 255], solution: "<answer>8</answer>",
      before: .init(text: "roughly 7", outcome: 0), after: .init(text: "red 5 . blue 3", outcome: 1))
    try telemetry.record(examples: [example, example])
    try telemetry.record(examples: [example])
    #expect(try reader.examples() == [example])
  }

  @Test("the end of a process completes its record")
  func process() throws {
    var process = RunProcess(role: "worker", number: 1, pid: 4711, host: "here", startedAt: 10)
    try telemetry.record(process: process)
    #expect(try reader.processes() == [process])
    process.endedAt = 20
    process.exit = "signal 9"
    try telemetry.record(process: process)
    #expect(try reader.processes() == [process])
  }

  @Test("responses by the second count the time between updates, and not that in which no learner ran")
  func throughput() throws {
    let ticks = Mutex(0.0)
    let clock = RunClock(wall: { 0 }, monotonic: { ticks.withLock { $0 } })
    let store = try RunStore(path: folder.file("run.sqlite"), clock: clock)
    try store.commit([.incarnation(1)])
    #expect(try reader.responsesPerSecond() == nil)
    // Two responses a group, two groups a step; steps end at 10, 12 and, in another life, at 5 and 9.
    for (step, time) in [(1, 10.0), (2, 12), (3, 5), (4, 9)] as [(UInt32, Double)] {
      if step == 3 { try store.commit([.incarnation(2)]) }
      ticks.withLock { $0 = time }
      let first = 2 * (step - 1)
      try store.commit(Sample.untilAdmission(first..<first + 2, step: step) + [Sample.trained(step, [first, first + 1])])
    }
    #expect(try reader.responsesPerSecond() == 8.0 / (2 + 4))
    #expect(try reader.responsesPerSecond(last: 1) == 4.0 / 4)
    #expect(try reader.latestStep()?.step == 4)
    #expect(try reader.latestStep()?.responses == 4)
    #expect(try reader.latestStep()?.tokens == 10)

    let rewards = try reader.rewards()
    #expect(rewards.map(\.step) == [1, 2, 3, 4])
    #expect(rewards[0].outcome == 0.5)
    #expect(rewards[0].thinking == 0.7)
    #expect(rewards[0].gamma == 0.1 + 0.2)
    #expect(rewards[0].gammaShare == 1)
    #expect(rewards[0].flatShare == 0)
    #expect(rewards[0].length == 2.5)
  }
}
