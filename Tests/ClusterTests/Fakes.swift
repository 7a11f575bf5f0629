import ActionableErrors
import DurableFiles
import Foundation
import Rollout
import Synchronization
import TrustGRPO

@testable import Cluster

/// Weights are the hash of all that was trained, and much that never changes; a response is a hash of its unit and of the
/// weights.
final class FakeTrainer: PolicyTrainer {
  private let state = Mutex((version: UInt64(0), weights: FakeTrainer.weights(SHA256Digest(of: []))))
  private let pause: Duration

  init(pause: Duration = .milliseconds(1)) {
    self.pause = pause
  }

  static func weights(_ digest: SHA256Digest) -> [UInt8] { digest.bytes + Array(repeating: 7, count: 480) }

  static func manifest(_ version: UInt64, _ weights: [UInt8]) -> WeightManifest {
    let entry = WeightManifest.Entry(
      name: "w", shape: [weights.count], dtype: "U8", byteCount: weights.count, digest: SHA256Digest(of: weights))
    return WeightManifest(version: version, entries: [entry])
  }

  var manifest: WeightManifest { state.withLock { Self.manifest($0.version, $0.weights) } }

  func train(step: UInt32, groups: [ScoredGroup]) async throws -> (TrainedStep, WeightManifest) {
    try await Task.sleep(for: pause)
    let manifest = state.withLock { state in
      let text = groups.map { "\($0.unit) \($0.responses.map(\.tokens))" }.joined()
      state = (UInt64(step), Self.weights(SHA256Digest(of: state.weights + Array(text.utf8))))
      return Self.manifest(state.version, state.weights)
    }
    return (TrainedStep(step: step, units: groups.map(\.unit), metrics: [], policy: manifest.digest), manifest)
  }

  func weights() async throws -> [UInt8] { state.withLock { $0.weights } }

  func checkpoint(step: UInt32) async throws -> (path: String, policy: SHA256Digest) {
    ("checkpoints/\(step)", manifest.digest)
  }

  func removeCheckpoints(_ paths: [String]) async throws {}
}

final class FakeGenerator: GroupGenerator {
  private let weights = Mutex<[UInt8]>([])
  private let pause: Duration
  let prepared = Mutex<(config: [UInt8], settings: String)?>(nil)
  let generated = Mutex(0)
  /// Workers that must have joined before anything is generated: the run is shorter than a machine may take to start them.
  let company = Mutex<[FakeGenerator]>([])

  init(pause: Duration = .milliseconds(2)) {
    self.pause = pause
  }

  func prepare(folder: String, settings: String) async throws -> Duration {
    let config = try DurableFiles.read("\(folder)/config.json")
    prepared.withLock { $0 = (config, settings) }
    return .milliseconds(300)
  }

  func load(_ manifest: WeightManifest, bytes: [UInt8]) async throws {
    weights.withLock { $0 = bytes }
  }

  func generate(_ lease: Lease) async throws -> ResponseGroup {
    try await Task.sleep(for: pause)
    for other in company.withLock({ $0 }) {
      while other.prepared.withLock({ $0 == nil }) { try await Task.sleep(for: pause) }
    }
    generated.withLock { $0 += 1 }
    let weights = weights.withLock { $0 }
    let responses = (0..<2).map { member in
      let tokens = SHA256Digest(of: weights + Array("\(lease.unit) \(member)".utf8)).bytes.prefix(3).map { Int32($0) }
      return Response(tokens: tokens, logProbabilities: [-1, -1, -1], finish: .stop, text: "yes")
    }
    return ResponseGroup(lease: lease, responses: responses, seconds: 0.01)
  }
}

struct FakeScorer: GroupScorer {
  func prepare(folder: String, settings: String) async throws -> ScoringPace { ScoringPace(atOnce: 2) }

  func score(_ group: ResponseGroup) async throws -> ScoredGroup {
    let (outcomes, thinking): ([Double], [Double?]) = ([1, 0], [0.5, nil])
    return ScoredGroup(
      lease: group.lease.id, unit: group.lease.unit, attempt: group.lease.attempt, version: group.lease.version,
      step: group.lease.step, taskDigest: group.lease.task.digest, responses: group.responses, outcomes: outcomes,
      thinking: thinking,
      rewards: try GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(group.lease.step) - 1, settings: TrustGRPOSettings()),
      generationSeconds: group.seconds, scoringSeconds: 0.01)
  }
}

struct FakeCatalogue: TaskCatalogue {
  var count = 100
  /// Bytes of each row's image.
  var imageSize = 10

  func task(of prompt: UInt32) throws -> PromptTask {
    PromptTask(
      problem: "row \(prompt)", system: nil, images: [Array(repeating: 7, count: imageSize)], problemType: "numerical",
      solution: "1")
  }
}

struct JournalFailure: ActionableError {
  let code = "test.disk"
  let message = "the disk is full"
  let advice = "free some space"
}

final class MemoryJournal: RunJournal {
  private let state = Mutex((records: [JournalRecord](), commits: 0))
  /// Commits after which every other fails.
  private let good: Int
  private let pause: TimeInterval

  /// Commits, the first ones, that find no space.
  private let fullFor: Int

  init(good: Int = .max, pause: TimeInterval = 0, fullFor: Int = 0) {
    self.good = good
    self.pause = pause
    self.fullFor = fullFor
  }

  var records: [JournalRecord] { state.withLock { $0.records } }
  var commits: Int { state.withLock { $0.commits } }
  var trained: [TrainedStep] { records.compactMap { if case .trained(let step) = $0 { step } else { nil } } }

  func commit(_ records: [JournalRecord]) throws {
    if pause > 0 { Thread.sleep(forTimeInterval: pause) }
    try state.withLock { state in
      state.commits += 1
      if state.commits <= fullFor { throw JournalPaused(reason: "no space") }
      guard state.commits <= good else { throw JournalFailure() }
      state.records += records
    }
  }

  func checkpoints() throws -> [CheckpointRecord] { [] }
  func rollBack(to step: UInt32) throws -> RecoveredLedger { .new }
}

/// A folder that is gone after the test.
struct TemporaryFolder: ~Copyable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/sophia-cluster-\(UUID().uuidString)"
    try DurableFiles.createFolder(path)
  }

  deinit {
    try? DurableFiles.remove(path)
  }
}
