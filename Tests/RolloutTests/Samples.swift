import DurableFiles
import TrustGRPO

@testable import Rollout

/// Seeded draws for tests.
struct Draws {
  private let random: CounterRandom
  private var position: UInt32 = 0

  init(seed: UInt64) {
    random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
  }

  mutating func uniform() -> Double {
    position += 1
    return random.uniform(at: position)
  }

  mutating func below(_ bound: Int) -> Int { Int(uniform() * Double(bound)) }
  mutating func chance(_ probability: Double) -> Bool { uniform() < probability }
}

extension Response {
  static func sample(_ tokens: [Int32] = [1, 2]) -> Response {
    Response(tokens: tokens, logProbabilities: tokens.map { _ in -0.5 }, finish: .stop, text: "yes")
  }
}

extension GroupRewards {
  /// Of two members, the first right.
  static let sample = GroupRewards(
    gamma: nil, muCorrect: nil, muWrong: nil, weight: 0, totals: [1, 0], advantages: [0.7, -0.7], oneSided: false,
    missingThinking: 0, standardDeviation: 0.7)
}

extension ScoredGroup {
  static func sample(
    lease: LeaseID = LeaseID(incarnation: 1, number: 1), unit: UnitID = UnitID(epoch: 0, prompt: 0),
    attempt: UInt32 = 1, step: UInt32 = 1, version: UInt64 = 0
  ) -> ScoredGroup {
    ScoredGroup(
      lease: lease, unit: unit, attempt: attempt, version: version, step: step,
      taskDigest: PromptTask.sample(unit).digest, responses: [.sample(), .sample([3, 4])], outcomes: [1, 0],
      thinking: [0.5, 0.5], rewards: .sample, generationSeconds: 1, scoringSeconds: 1)
  }
}

extension PromptTask {
  static func sample(_ unit: UnitID) -> PromptTask {
    PromptTask(
      problem: "row \(unit.prompt)", system: nil, images: [], problemType: "numerical", solution: "<answer>1</answer>")
  }
}

extension Lease {
  static func sample(_ number: UInt64, version: UInt64 = 0, incarnation: UInt32 = 1, step: UInt32 = 1) -> Lease {
    let unit = UnitID(epoch: 0, prompt: UInt32(number))
    return Lease(
      id: LeaseID(incarnation: incarnation, number: number), unit: unit, attempt: 1, version: version, step: step,
      task: .sample(unit))
  }
}

extension WeightManifest {
  /// One tensor of two bytes that spell the version; `payload(version)` are its bytes.
  static func sample(_ version: UInt64) -> WeightManifest {
    let bytes = payload(version)
    return WeightManifest(
      version: version,
      entries: [
        Entry(name: "w", shape: [bytes.count], dtype: "U8", byteCount: bytes.count, digest: SHA256Digest(of: bytes))
      ])
  }

  static func payload(_ version: UInt64) -> [UInt8] { [UInt8(version & 255), UInt8(version >> 8 & 255)] }
}

extension Hello {
  static func sample(_ role: Role, processID: Int32 = 1, endpoint: String = "") -> Hello {
    Hello(role: role, host: "here", processID: processID, endpoint: endpoint)
  }
}

extension Welcome {
  static func sample(
    incarnation: UInt32 = 1, version: UInt64? = 0, artifacts: [Artifact] = [],
    scorers: [ScorerAddress] = [.sample("s1")]
  ) -> Welcome {
    Welcome(
      run: "test", incarnation: incarnation, publishPort: 1, dataPort: 2, heartbeat: .seconds(1), settings: "{}",
      artifacts: artifacts, scorers: scorers, allowed: [], manifest: version.map { WeightManifest.sample($0) },
      groupSize: 2, responseTokens: 8)
  }
}

extension ScorerAddress {
  static func sample(_ name: String) -> ScorerAddress {
    ScorerAddress(name: name, endpoint: "tcp://\(name):1", publicKey: "")
  }
}

extension LearnerSettings {
  static func sample(steps: UInt32 = 2, prompts: Int = 2, staleness: Int = 0, checkpointEvery: UInt32 = 0) -> Self {
    LearnerSettings(
      totalSteps: steps, promptsPerStep: prompts,
      admission: AdmissionRules(groupSize: 2, maximumResponseTokens: 4, vocabularySize: 10, staleness: staleness),
      leaseDuration: .seconds(60), heartbeat: .seconds(1), peerTimeout: .seconds(10), maximumAttempts: 3,
      checkpointEvery: checkpointEvery, keepCheckpoints: 2, keepsGroups: true, hedgeAfter: nil,
      shutdownGrace: .seconds(5), stallAfter: .seconds(30), endAfterStall: nil)
  }
}

extension PeerID {
  static let worker = PeerID(name: "w1", connection: "a")
  static let otherWorker = PeerID(name: "w2", connection: "b")
  static let scorer = PeerID(name: "s1", connection: "c")
}
