internal import Cluster
internal import ClusterZeroMQ
internal import DurableFiles
package import Rollout
internal import Synchronization
internal import TrustGRPO
internal import Wire
internal import ZeroMQ

/// How fast a whole policy version reaches every worker of this machine: through the learner's and the workers' services
/// over TCP, and, for comparison, the same bytes in the same pieces over plain PUSH and PULL sockets.
package struct BroadcastBenchmark: Sendable {
  package enum Way: String, Sendable, Hashable, Codable {
    /// Receivers drop what they receive.
    case plain
    /// Receivers put it into fresh memory and check every tensor's hash.
    case plainHashed = "plain, copied and hashed"
    /// The learner's and the workers' services; workers check every hash. Each worker's first version, in fresh memory.
    case servicesFirst = "services, first version"
    /// The same learner's and workers' third version: one is sampled from, and the one before it has been let go of.
    case servicesLater = "services, later version"
  }

  package struct Measurement: Sendable, Hashable, Codable {
    package let way: Way
    package let curve: Bool
    /// From the first byte sent until the last receiver is done.
    package let seconds: Double
    /// What all threads of both sides computed in that time, the operating system's work for them included.
    package let coreSeconds: Double
    /// Bytes that reached all receivers together, by second.
    package let megabytesPerSecond: Double

    init(_ way: Way, curve: Bool, bytes: Int, receivers: Int, took lap: Lap) {
      self.way = way
      self.curve = curve
      seconds = lap.duration.inSeconds
      coreSeconds = lap.processor.inSeconds
      megabytesPerSecond = Double(bytes * receivers) * 1e-6 / lap.duration.inSeconds
    }
  }

  package var byteCount = 1 << 30
  package var workers = 4
  package var transfer = TransferSettings()

  package init() {}

  /// Weights of many tensors that no one could compress, nor what differs between two seeds.
  private func policy(version: UInt64, seed: UInt64) -> (manifest: WeightManifest, bytes: [UInt8]) {
    let words = byteCount / 8
    let bytes = [UInt8](unsafeUninitializedCapacity: words * 8) { buffer, count in
      var state = 0x9E37_79B9_7F4A_7C15 &* (seed + 1)
      buffer.withMemoryRebound(to: UInt64.self) { words in
        for index in words.indices {
          state ^= state << 13
          state ^= state >> 7
          state ^= state << 17
          words[index] = state
        }
      }
      count = words * 8
    }
    return (SyntheticManifest.make(bytes, dtype: "F32", width: 4, version: version), bytes)
  }

  /// Every way, with and without CURVE.
  ///
  /// - Parameter progress: told, in a line of text, what is being measured.
  package func run(progress: (String) -> Void = { _ in }) async throws -> [Measurement] {
    let versions = Self.versions.map { policy(version: $0, seed: $0 % 2) }
    let (manifest, bytes) = versions[0]
    var measurements: [Measurement] = []
    for curve in [false, true] {
      let protection = curve ? "with CURVE" : "without CURVE"
      func note(_ way: Way, _ lap: Lap) {
        measurements.append(Measurement(way, curve: curve, bytes: bytes.count, receivers: workers, took: lap))
      }
      for hashed in [false, true] {
        let way = hashed ? Way.plainHashed : .plain
        progress("\(way.rawValue), \(protection)")
        let plain = PlainBroadcast(chunk: transfer.chunk, receivers: workers, curve: curve, manifest: hashed ? manifest : nil)
        note(way, try await plain.run(bytes))
      }
      progress("services, \(protection)")
      let laps = try await ServiceBroadcast(workers: workers, transfer: transfer, curve: curve).run(versions)
      note(.servicesFirst, laps[0])
      note(.servicesLater, laps[2])
    }
    return measurements
  }

  private static let versions: Range<UInt64> = 0..<3
}

/// Versions, one after the other, through the services of a learner and of workers that do nothing but take them.
private struct ServiceBroadcast {
  let workers: Int
  let transfer: TransferSettings
  let curve: Bool

  /// - Returns: for each version, what it took from its first chunk sent until the last worker had whole weights.
  func run(_ versions: [(manifest: WeightManifest, bytes: [UInt8])]) async throws -> [Lap] {
    let keys = (learner: try KeyPair.generate(), workers: try (0..<workers).map { _ in try KeyPair.generate() })
    let allowed = keys.workers.enumerated().map {
      AllowedPeer(name: "worker-\($0)", role: .worker, publicKey: $1.publicKey.z85)
    }
    let transport =
      curve
      ? try await ZeroMQLearnerTransport.open(bind: "tcp://127.0.0.1:0", keys: keys.learner, allowed: allowed)
      : try await ZeroMQLearnerTransport.openWithoutCurve(everyoneAs: allowed[0])
    let stopwatch = Stopwatch(receivers: workers)
    // Steps that lost all their work are trained without workers' doing.
    let schedule = Schedule(rows: versions.count, seed: 0, shuffled: false)
    let steps = (1..<versions.count).map { step in
      RecoveredLedger.Unit(
        unit: UnitID(epoch: 0, prompt: UInt32(step - 1)), step: UInt32(step), state: .deadLettered, attempts: 1)
    }
    let learner = LearnerService(
      offer: LearnerOffer(
        run: "bench", heartbeat: .seconds(1), settings: "{}", trustGRPO: TrustGRPOSettings(), artifacts: [],
        groupSize: 1, responseTokens: 1),
      transport: TimedTransport(transport: transport, stopwatch: stopwatch),
      trainer: PlannedPolicies(versions: versions, stopwatch: stopwatch), catalogue: EmptyCatalogue(),
      journal: ForgetfulJournal(), log: { _, _ in })
    let endpoint = "tcp://127.0.0.1:\(transport.ports.control)"

    async let end = learner.run(
      settings: LearnerSettings(
        totalSteps: UInt32(steps.count), promptsPerStep: 1,
        admission: AdmissionRules(groupSize: 1, maximumResponseTokens: 1, vocabularySize: 1, staleness: 0),
        leaseDuration: .seconds(600), heartbeat: .seconds(1), peerTimeout: .seconds(60), maximumAttempts: 1,
        checkpointEvery: 0, keepCheckpoints: 2, keepsGroups: true, hedgeAfter: nil, shutdownGrace: .seconds(5),
        stallAfter: .seconds(600), endAfterStall: nil),
      schedule: schedule, recovered: RecoveredLedger(incarnation: 0, units: steps, groups: []),
      manifest: versions[0].manifest)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, pair) in keys.workers.enumerated() {
        let worker =
          curve
          ? try await ZeroMQPeerTransport.worker(learner: endpoint, keys: pair, learnerKey: keys.learner.publicKey)
          : try await ZeroMQPeerTransport.workerWithoutCurve(port: transport.ports.control)
        let service = WorkerService(
          transport: worker, generator: Receiver(stopwatch: stopwatch), files: ArtifactCache(root: "/nonexistent"),
          log: { _, _ in })
        let settings = WorkerRole.Settings(
          link: .init(silence: .seconds(30), giveUpAfter: .seconds(120)), credit: 0, grace: .zero, transfer: transfer)
        group.addTask {
          let hello = Hello(role: .worker, host: "here", processID: Int32(index + 1))
          _ = await service.run(hello: hello, settings: settings, seed: UInt64(index))
        }
      }
      try await group.waitForAll()
    }
    _ = try await end
    return stopwatch.laps
  }
}

/// Runs from a version's first chunk until the last receiver is done with it.
private final class Stopwatch: Sendable {
  private struct State {
    var start: Lap.Start?
    var left: Int
    var laps: [Lap] = []
  }

  private let receivers: Int
  private let state: Mutex<State>
  private let (ends, end) = AsyncStream.makeStream(of: Void.self)

  init(receivers: Int) {
    self.receivers = receivers
    state = Mutex(State(left: receivers))
  }

  func sent() {
    state.withLock { if $0.start == nil { $0.start = .now } }
  }

  func received() {
    state.withLock { state in
      state.left -= 1
      guard state.left == 0, let start = state.start else { return }
      state.laps.append(start.lap)
      (state.start, state.left) = (nil, receivers)
      end.yield()
    }
  }

  /// Waits for the end of the next lap.
  func lapEnded() async {
    for await _ in ends { return }
  }

  var laps: [Lap] { state.withLock(\.laps) }
}

private struct TimedTransport<Transport: LearnerTransport>: LearnerTransport {
  let transport: Transport
  let stopwatch: Stopwatch

  var inbound: AsyncStream<LearnerInbound> { transport.inbound }
  var ports: (control: UInt16, publish: UInt16, data: UInt16) { transport.ports }
  var allowed: [AllowedPeer] { transport.allowed }

  func send(_ frame: Frame, to peer: PeerID) {
    if frame.payload != nil { stopwatch.sent() }
    transport.send(frame, to: peer)
  }

  func publish(_ frame: Frame) { transport.publish(frame) }
  func close(linger: Duration) async { await transport.close(linger: linger) }
}

private struct Unused: Error {}

/// Goes on to the next version when the last worker has the one before.
private actor PlannedPolicies: PolicyTrainer {
  private let versions: [(manifest: WeightManifest, bytes: [UInt8])]
  private let stopwatch: Stopwatch
  private var newest = 0

  init(versions: [(manifest: WeightManifest, bytes: [UInt8])], stopwatch: Stopwatch) {
    self.versions = versions
    self.stopwatch = stopwatch
  }

  func weights() -> [UInt8] { versions[newest].bytes }

  func train(step: UInt32, groups: [ScoredGroup]) async -> (TrainedStep, WeightManifest) {
    await stopwatch.lapEnded()
    newest = Int(step)
    let manifest = versions[newest].manifest
    return (TrainedStep(step: step, units: [], metrics: [], policy: manifest.digest), manifest)
  }

  func checkpoint(step: UInt32) async -> (path: String, policy: SHA256Digest) {
    await stopwatch.lapEnded()
    return ("", versions[newest].manifest.digest)
  }

  func removeCheckpoints(_ paths: [String]) {}
}

private struct Receiver: GroupGenerator {
  let stopwatch: Stopwatch

  func prepare(folder: String, settings: String) async throws -> Duration { .seconds(60) }
  func load(_ manifest: WeightManifest, bytes: [UInt8]) async throws { stopwatch.received() }
  func generate(_ lease: Lease) async throws -> ResponseGroup { throw Unused() }
}

private struct EmptyCatalogue: TaskCatalogue {
  let count = 0

  func task(of prompt: UInt32) throws -> PromptTask { throw Unused() }
}

private struct ForgetfulJournal: RunJournal {
  func commit(_ records: [JournalRecord]) throws {}
  func checkpoints() throws -> [CheckpointRecord] { [] }
  func rollBack(to step: UInt32) throws -> RecoveredLedger { .new }
}
