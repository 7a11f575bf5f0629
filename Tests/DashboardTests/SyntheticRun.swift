import DurableFiles
import Foundation
import Rollout
import RunStore
import Synchronization
import TrustGRPO

/// A run that never happened, seeded: a run file as the roles would leave it behind, with curves that look like
/// training.
struct SyntheticRun {
  static let steps = 60
  static let groupsPerStep = 4
  static let groupSize = 8

  let random = CounterRandom(seed: 7, epoch: 0, prompt: 0, sample: 0)

  static func picture(_ name: String) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
    return [UInt8](try Data(contentsOf: folder.appendingPathComponent(name + ".png")))
  }

  func write(to path: String) throws {
    let ticks = Mutex(1000.0)
    let clock = RunClock(wall: { 1_795_440_000 + ticks.withLock { $0 } }, monotonic: { ticks.withLock { $0 } })
    let store = try RunStore(path: path, clock: clock)
    try store.commit([.incarnation(1)])
    for step in 1...UInt32(Self.steps) {
      ticks.withLock { $0 += 0.35 + 0.1 * noise(step, 0) }
      try store.commit(admission(of: step) + [.trained(trained(step))])
    }
    try store.commit([
      .checkpointed(step: UInt32(Self.steps), path: "checkpoints/60", policy: digest(UInt32(Self.steps)))
    ])
    try store.close()
    try writeTelemetry(path, clock)
  }

  private func progress(_ step: UInt32) -> Double { 1 - exp(-Double(step) / 22) }

  /// Roughly normal.
  private func noise(_ step: UInt32, _ stream: UInt32) -> Double {
    (0..<4).reduce(-2) { $0 + random.uniform(at: step * 64 + stream * 4 + $1) }
  }

  private func digest(_ step: UInt32) -> SHA256Digest { SHA256Digest(of: [UInt8(step)]) }

  private func admission(of step: UInt32) -> [JournalRecord] {
    (0..<Self.groupsPerStep).flatMap { member -> [JournalRecord] in
      let position = Int(step - 1) * Self.groupsPerStep + member
      let group = group(at: position, step: step)
      return [
        .issued(position: position, unit: group.unit, step: step),
        .leased(unit: group.unit, lease: group.lease, attempt: 1, worker: "worker-\(member % 2)", version: group.version),
        .generated(unit: group.unit, lease: group.lease),
        .admitted(group, worker: "worker-\(member % 2)", scorer: "scorer-0"),
      ]
    }
  }

  private func group(at position: Int, step: UInt32) -> ScoredGroup {
    let draw = CounterRandom(seed: 8, epoch: 0, prompt: UInt32(position), sample: 0)
    let chance = 0.38 + 0.42 * progress(step)
    let outcomes = (0..<Self.groupSize).map { draw.uniform(at: UInt32($0)) < chance ? 1.0 : 0.0 }
    let thinking = (0..<Self.groupSize).map { member in
      min(1, 0.35 + 0.4 * progress(step) + 0.2 * draw.uniform(at: UInt32(100 + member)))
    }
    let contrast = Set(outcomes).count == 2
    let gamma = contrast ? min(1, exp(0.25 * (draw.uniform(at: 200) - 0.5))) : nil
    let length = Int(14 + 8 * progress(step) + 4 * draw.uniform(at: 201))
    return ScoredGroup(
      lease: LeaseID(incarnation: 1, number: UInt64(position + 1)), unit: UnitID(epoch: 0, prompt: UInt32(position)),
      attempt: 1, version: UInt64(step - 1), step: step, taskDigest: digest(step),
      responses: (0..<Self.groupSize).map { _ in
        Response(
          tokens: Array(repeating: 5, count: length), logProbabilities: Array(repeating: -0.3, count: length),
          finish: .stop, text: "")
      },
      outcomes: outcomes, thinking: thinking,
      rewards: GroupRewards(
        gamma: gamma, muCorrect: 0.6, muWrong: 0.5, weight: 0.3 * (gamma ?? 0), totals: outcomes,
        advantages: outcomes.map { contrast ? 2 * $0 - 1 : 0 }, oneSided: !contrast, missingThinking: 0,
        standardDeviation: contrast ? 0.5 : 0),
      generationSeconds: 0.12, scoringSeconds: 0.02)
  }

  private func trained(_ step: UInt32) -> TrainedStep {
    let first = (step - 1) * UInt32(Self.groupsPerStep)
    let metrics = [
      Metric("outcome", 0.5), Metric("loss", 0.02 * noise(step, 1)), Metric("kl", 0.045 * progress(step) * (1 + 0.15 * noise(step, 2))),
      Metric("entropy", 0.62 - 0.4 * progress(step) + 0.02 * noise(step, 3)),
      Metric("clip_fraction", 0.01 * abs(noise(step, 4))), Metric("gradient_norm", 1.2 + 0.3 * noise(step, 5)),
      Metric("seconds.rollout", 0.14), Metric("seconds.scoring", 0.04), Metric("seconds.reference", 0.05),
      Metric("seconds.update", 0.19), Metric("seconds.broadcast", 0.012),
    ]
    return TrainedStep(
      step: step, units: (first..<first + UInt32(Self.groupsPerStep)).map { UnitID(epoch: 0, prompt: $0) },
      metrics: metrics, policy: digest(step))
  }

  private func writeTelemetry(_ path: String, _ clock: RunClock) throws {
    let telemetry = try RunTelemetry(path: path, clock: clock)
    try telemetry.set("title", to: "Bars, seed 7 <demo> & more")
    try telemetry.set("seed", to: "7")
    try telemetry.set(
      "settings",
      to: """
        {"algorithm": {"mode": "paper", "alpha": 0.3, "one-sided": "exclude", "trust": true, "klCoefficient": 0.04},
         "rollout": {"groupSize": 8, "promptsPerStep": 16, "temperature": 1}, "learningRate": 0.0001,
         "workers": ["local", "local"]}
        """)
    let began = 1_795_440_000.0
    for (number, stage) in [("data", 4.1), ("warm start", 48.2), ("thinking-reward model", 31.7), ("base evaluation", 6.4),
      ("trust-grpo", 25.3), ("trained evaluation", 6.1)].enumerated()
    {
      try telemetry.record(
        stage: RunStage(name: stage.0, startedAt: began + 30 * Double(number), seconds: stage.1))
    }
    for (index, name) in ["learner", "scorer", "worker", "worker"].enumerated() {
      try telemetry.record(
        process: RunProcess(
          role: name, number: index == 3 ? 1 : 0, pid: 4711 + Int32(index), host: "workstation", startedAt: began + 90.2,
          endedAt: began + 121.5, exit: "exit 0"))
    }
    for (step, accuracy) in [(0, 0.386), (20, 0.632), (40, 0.744), (60, 0.794)] as [(UInt32, Double)] {
      try telemetry.record(
        evaluation: Evaluation(name: "held-out", step: step, rows: 500, accuracy: accuracy, outcome: accuracy))
    }
    try telemetry.record(event: RunEvent(source: "learner", "worker-0 and worker-1 joined"))
    try telemetry.record(event: RunEvent(.warning, source: "learner", "worker-1 is silent; lease 1.17 is issued again"))
    try telemetry.record(examples: [
      Example(
        problem: "red + blue ?", image: try Self.picture("sum"), solution: "<answer>8</answer>",
        before: .init(text: "<think>roughly 7 .</think><answer>7</answer>", outcome: 0),
        after: .init(text: "<think>red 5 . blue 3 . 5 + 3 = 8 .</think><answer>8</answer>", outcome: 1)),
      Example(
        problem: "green - gray ?", image: try Self.picture("difference"), solution: "<answer>7</answer>",
        before: .init(text: "<think>clearly surely obviously .</think><answer>7</answer>", outcome: 1),
        after: .init(text: "<think>green 9 . gray 2 . 9 - 2 = 7 .</think><answer>7</answer>", outcome: 1)),
      Example(
        problem: "red or blue ?\nA. greater\nB. smaller\nC. equal", image: try Self.picture("choice"),
        solution: "<answer>C</answer>",
        before: .init(text: "clearly <script>alert('B')</script> surely surely", outcome: 0),
        after: .init(text: "<think>red 4 . blue 3 . 4 > 3 .</think><answer>A</answer>", outcome: 0)),
    ])
    try telemetry.close()
  }
}
