internal import DurableFiles
internal import Foundation
internal import Rollout
internal import Synchronization
internal import TrustGRPO

// Engines that cost nothing, so that what is measured is what lies between them.

/// Small rows, of which there are as many as units of work.
struct ScaleTask: TaskCatalogue {
  static let vocabulary = 32_768
  let count: Int

  func task(of prompt: UInt32) -> PromptTask {
    PromptTask(
      problem: "How many bars are taller than bar \(prompt)?", system: nil, images: [], problemType: "numerical",
      solution: "<answer>\(prompt % 10)</answer>")
  }
}

/// Makes groups out of nothing: the same responses to every prompt, at once or at a given pace.
final class ScaleGenerator: GroupGenerator {
  private let gate: StartingGate
  private let responses: [Response]
  private let pace: Pace

  init(_ plan: ScalePlan, worker: Int, gate: StartingGate) {
    self.gate = gate
    responses = (0..<plan.responses).map { member in
      Response(
        tokens: (0..<plan.tokens).map { Int32((member * 31 + $0 * 17) % ScaleTask.vocabulary) },
        logProbabilities: (0..<plan.tokens).map { -0.01 * Float($0 % 50) }, finish: .stop,
        text: String(repeating: "red 5 . ", count: max(1, plan.tokens / 2)))
    }
    // Workers begin one after the other, evenly, not all at the same moment.
    let share = Double(worker) / Double(plan.workers)
    pace = Pace(period: plan.period, credit: plan.cluster.credit, first: share * min(plan.period ?? 1, 1))
  }

  func prepare(folder: String, settings: String) async -> Duration { .seconds(5) }

  func load(_ manifest: WeightManifest, bytes: [UInt8]) async { gate.joined(with: manifest.version) }

  func generate(_ lease: Lease) async throws -> ResponseGroup {
    let opened = await gate.pass()
    if let wait = pace.wait(since: opened) { try await Task.sleep(for: .seconds(wait)) }
    return ResponseGroup(lease: lease, responses: responses, seconds: 0)
  }
}

/// When a worker begins its groups: at a given rate, whatever its leases do, or as they come.
private final class Pace: Sendable {
  private let period: Double?
  private let credit: Int
  /// Seconds after the start.
  private let next: Mutex<Double>

  init(period: Double?, credit: Int, first: Double) {
    self.period = period
    self.credit = credit
    next = Mutex(first)
  }

  /// How long to wait before the next group; nil if it is due.
  func wait(since start: Double) -> Double? {
    let now = monotonicSeconds() - start
    let at = next.withLock { next in
      guard let period else { return next }
      // What was missed while there was no lease is made up for as far as its leases go.
      let at = max(next, now - period * Double(credit))
      next = at + period
      return at
    }
    return at > now ? at - now : nil
  }
}

/// Holds the workers of a process back until all have joined.
final class StartingGate: Sendable {
  private struct State {
    var missing: Int
    var openedAt: Double?
    var waiting: [CheckedContinuation<Double, Never>] = []
  }

  private let state: Mutex<State>

  init(workers: Int) {
    state = Mutex(State(missing: workers))
  }

  /// A worker has taken its first weights.
  func joined(with version: UInt64) {
    if version == 0 { state.withLock { $0.missing -= 1 } }
  }

  var hasAll: Bool { state.withLock { $0.missing <= 0 } }

  func open() {
    let now = monotonicSeconds()
    let waiting = state.withLock { state in
      state.openedAt = now
      defer { state.waiting = [] }
      return state.waiting
    }
    for one in waiting { one.resume(returning: now) }
  }

  /// - Returns: when it was opened.
  func pass() async -> Double {
    await withCheckedContinuation { continuation in
      let opened = state.withLock { state in
        if state.openedAt == nil { state.waiting.append(continuation) }
        return state.openedAt
      }
      if let opened { continuation.resume(returning: opened) }
    }
  }
}

/// Gives every group the same rewards.
struct ScaleScorer: GroupScorer {
  private let outcomes: [Double]
  private let thinking: [Double?]
  private let rewards: GroupRewards

  init(_ plan: ScalePlan) throws {
    outcomes = (0..<plan.responses).map { Double($0 % 2) }
    thinking = outcomes.map { 0.3 + 0.4 * $0 }
    rewards = try GroupRewards.compute(outcomes: outcomes, thinking: thinking, step: 0, settings: TrustGRPOSettings())
  }

  func prepare(folder: String, settings: String) async -> ScoringPace { ScoringPace(atOnce: 8) }

  func score(_ group: ResponseGroup) async -> ScoredGroup {
    ScoredGroup(
      lease: group.lease.id, unit: group.lease.unit, attempt: group.lease.attempt, version: group.lease.version,
      step: group.lease.step, taskDigest: group.lease.task.digest, responses: group.responses, outcomes: outcomes,
      thinking: thinking, rewards: rewards, generationSeconds: group.seconds, scoringSeconds: 0)
  }
}

/// Trains nothing, and notes what it was given.
final class ScaleTrainer: PolicyTrainer {
  private struct State {
    var version: UInt64 = 0
    var trained: Set<UnitID> = []
    var trainedTwice = 0
  }

  private let state = Mutex(State())

  /// Of a policy of 512 bytes, another one at each version.
  private static func weights(_ version: UInt64) -> [UInt8] {
    withUnsafeBytes(of: version.littleEndian) { Array($0) } + Array(repeating: 7, count: 504)
  }

  static func manifest(_ version: UInt64) -> WeightManifest {
    SyntheticManifest.make(weights(version), dtype: "F32", width: 4, version: version)
  }

  /// Units that were given to it more than once.
  var trainedTwice: Int { state.withLock(\.trainedTwice) }

  func weights() async -> [UInt8] { Self.weights(state.withLock(\.version)) }

  func train(step: UInt32, groups: [ScoredGroup]) async -> (TrainedStep, WeightManifest) {
    state.withLock { state in
      state.version = UInt64(step)
      for group in groups where !state.trained.insert(group.unit).inserted { state.trainedTwice += 1 }
    }
    let manifest = Self.manifest(UInt64(step))
    return (TrainedStep(step: step, units: groups.map(\.unit), metrics: [], policy: manifest.digest), manifest)
  }

  func checkpoint(step: UInt32) async -> (path: String, policy: SHA256Digest) {
    ("none", Self.manifest(UInt64(step)).digest)
  }

  func removeCheckpoints(_ paths: [String]) async {}
}
