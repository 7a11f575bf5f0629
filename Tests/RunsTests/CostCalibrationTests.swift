import DurableFiles
import Foundation
import Rollout
import RunStore
import Settings
import Simulator
import Synchronization
import Testing
import TrustGRPO

@testable import Runs

@Suite("Costs from a run file")
struct CostCalibrationTests {
  private static let (prompts, members, tokens) = (4, 2, 50)
  private static let (generation, scoring, update, export) = (0.5, 0.04, 0.6, 0.1)

  /// A run of one worker whose steps take what its parts take, and `extra`.
  private func run(steps: UInt32, extra: Double = 0, host: String = "elsewhere") throws -> RunFolder {
    let folder = RunFolder(NSTemporaryDirectory() + "sophia-calibration-\(UUID().uuidString)")
    try DurableFiles.createFolder(folder.policy)
    try DurableFiles.write([UInt8](repeating: 1, count: 4096), to: "\(folder.policy)/model.safetensors")
    var settings = RunSettings()
    settings.rollout.promptsPerStep = Self.prompts
    settings.rollout.groupSize = Self.members
    settings.run.checkpointEvery = 0
    settings.cluster.learnerThreads = 1
    try DurableFiles.write(settings.json(), to: folder.settings)

    let time = Mutex(0.0)
    let store = try RunStore(path: folder.store, clock: RunClock(wall: { 1.7e9 }, monotonic: { time.withLock { $0 } }))
    try store.commit([.incarnation(1)])
    for step in 1...steps {
      let units = (0..<Self.prompts).map { UnitID(epoch: step, prompt: UInt32($0)) }
      let first = Int(step - 1) * Self.prompts
      for (index, unit) in units.enumerated() {
        let lease = LeaseID(incarnation: 1, number: UInt64(first + index + 1))
        try store.commit([
          .issued(position: first + index, unit: unit, step: step),
          .leased(unit: unit, lease: lease, attempt: 1, worker: "worker-0", version: UInt64(step) - 1),
          .generated(unit: unit, lease: lease),
          .admitted(group(unit, lease, step), worker: "worker-0", scorer: "scorer-0"),
        ])
      }
      time.withLock { $0 += Double(Self.prompts) * Self.generation + Self.scoring + Self.update + Self.export + extra }
      let metrics = [
        Metric("seconds.update", Self.update), Metric("seconds.export", Self.export), Metric("seconds.delta", 0),
        Metric("delta.share", 0.25),
      ]
      try store.commit([.trained(TrainedStep(step: step, units: units, metrics: metrics, policy: SHA256Digest(of: [UInt8(step)])))])
    }
    try store.close()
    let telemetry = try RunTelemetry(path: folder.store)
    for (role, number) in [("learner", 0), ("scorer", 0), ("worker", 0)] {
      try telemetry.record(process: RunProcess(role: role, number: number, pid: 1, host: host, startedAt: Double(number)))
    }
    try telemetry.close()
    return folder
  }

  private func group(_ unit: UnitID, _ lease: LeaseID, _ step: UInt32) -> ScoredGroup {
    let response = Response(
      tokens: Array(repeating: 7, count: Self.tokens), logProbabilities: Array(repeating: -0.5, count: Self.tokens), finish: .stop,
      text: "")
    return ScoredGroup(
      lease: lease, unit: unit, attempt: 1, version: UInt64(step) - 1, step: step, taskDigest: SHA256Digest(of: []),
      responses: [response, response], outcomes: [1, 0], thinking: [nil, nil],
      rewards: GroupRewards(
        gamma: nil, muCorrect: nil, muWrong: nil, weight: 0, totals: [1, 0], advantages: [1, -1], oneSided: false, missingThinking: 2,
        standardDeviation: 0.5),
      generationSeconds: Self.generation, scoringSeconds: Self.scoring)
  }

  @Test("what the run file says of groups, steps and weights becomes costs")
  func costs() throws {
    let folder = try run(steps: 20)
    defer { try? DurableFiles.remove(folder.path) }
    let calibration = try CostCalibration(folder, link: 1e9)
    let costs = calibration.options.costs
    #expect(abs(costs.tokensPerSecond - Double(Self.tokens * Self.members) / Self.generation) < 1e-6)
    #expect(costs.responseTokens == Double(Self.tokens))
    #expect(costs.spread == 0)
    #expect(abs(costs.scoringSeconds - Self.scoring) < 1e-9)
    #expect(abs(costs.trainingSecondsPerGroup - Self.update / Double(Self.prompts)) < 1e-9)
    #expect(abs(costs.stepSeconds - Self.export) < 1e-9)
    #expect(costs.modelBytes == 4096 && costs.deltaShare == 0.25)
    #expect(calibration.workers == 1 && calibration.cores == nil)
  }

  @Test("the simulator at the run's own settings gives the run's speed", arguments: [0.1, 0.5])
  func sameSpeed(extra: Double) throws {
    let folder = try run(steps: 20, extra: extra)
    defer { try? DurableFiles.remove(folder.path) }
    let calibration = try CostCalibration(folder, link: 1e9)
    let state = try #require(try Planning(base: calibration.options).row(workers: 1, staleness: 0).state)
    #expect(abs(state.responsesPerSecond / calibration.responsesPerSecond - 1) < 0.02)
    #expect(calibration.options.costs.loadSeconds > 0.5 * extra)
  }

  @Test("on cores that were shared, costs are what the work would take alone")
  func shared() throws {
    let folder = try run(steps: 20)
    defer { try? DurableFiles.remove(folder.path) }
    let (alone, shared) = (try CostCalibration(folder, link: 1e9), try CostCalibration(folder, cores: 0.5, link: 1e9))
    #expect(abs(shared.options.costs.tokensPerSecond / alone.options.costs.tokensPerSecond - 2) < 0.2)
  }

  @Test("a run that is too short to tell is refused, and told why")
  func short() throws {
    let folder = try run(steps: 8)
    defer { try? DurableFiles.remove(folder.path) }
    #expect { try CostCalibration(folder, link: 1e9) } throws: { ($0 as? RunError)?.code == "calibration.too-short" }
  }
}
