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
    /// Receivers put it in its place and check every tensor's hash.
    case plainHashed = "plain, hashed"
    /// The learner's and the workers' services; workers check every hash.
    case services
  }

  package struct Measurement: Sendable, Hashable, Codable {
    package let way: Way
    package let curve: Bool
    /// From the first byte sent until the last receiver is done.
    package let seconds: Double
    /// Bytes that reached all receivers together, by second.
    package let megabytesPerSecond: Double

    init(_ way: Way, curve: Bool, bytes: Int, receivers: Int, took duration: Duration) {
      self.way = way
      self.curve = curve
      seconds = duration.inSeconds
      megabytesPerSecond = Double(bytes * receivers) * 1e-6 / duration.inSeconds
    }
  }

  package var byteCount = 1 << 30
  package var workers = 4
  package var transfer = TransferSettings()

  package init() {}

  /// Weights of many tensors that no one could compress.
  private func policy() -> (manifest: WeightManifest, bytes: [UInt8]) {
    let words = byteCount / 8
    let bytes = [UInt8](unsafeUninitializedCapacity: words * 8) { buffer, count in
      var state: UInt64 = 0x9E37_79B9_7F4A_7C15
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
    return (SyntheticManifest.make(bytes, dtype: "F32", width: 4), bytes)
  }

  /// Every way, with and without CURVE.
  ///
  /// - Parameter progress: told, in a line of text, what is being measured.
  package func run(progress: (String) -> Void = { _ in }) async throws -> [Measurement] {
    let (manifest, bytes) = policy()
    var measurements: [Measurement] = []
    for curve in [false, true] {
      let protection = curve ? "with CURVE" : "without CURVE"
      for hashed in [false, true] {
        let way = hashed ? Way.plainHashed : .plain
        progress("\(way.rawValue), \(protection)")
        let plain = PlainBroadcast(chunk: transfer.chunk, receivers: workers, curve: curve, manifest: hashed ? manifest : nil)
        measurements.append(
          Measurement(way, curve: curve, bytes: bytes.count, receivers: workers, took: try await plain.run(bytes)))
      }
      progress("services, \(protection)")
      let took = try await ServiceBroadcast(workers: workers, transfer: transfer, curve: curve).run(manifest, bytes)
      measurements.append(Measurement(.services, curve: curve, bytes: bytes.count, receivers: workers, took: took))
    }
    return measurements
  }
}

/// One version through the services of a learner and of workers that do nothing but take it.
private struct ServiceBroadcast {
  let workers: Int
  let transfer: TransferSettings
  let curve: Bool

  /// - Returns: the time from the first chunk sent until the last worker has whole weights.
  func run(_ manifest: WeightManifest, _ bytes: [UInt8]) async throws -> Duration {
    let keys = (learner: try KeyPair.generate(), workers: try (0..<workers).map { _ in try KeyPair.generate() })
    let allowed = keys.workers.enumerated().map {
      AllowedPeer(name: "worker-\($0)", role: .worker, publicKey: $1.publicKey.z85)
    }
    let transport =
      curve
      ? try await ZeroMQLearnerTransport.open(bind: "tcp://127.0.0.1:0", keys: keys.learner, allowed: allowed)
      : try await ZeroMQLearnerTransport.openWithoutCurve(everyoneAs: allowed[0])
    let stopwatch = Stopwatch(receivers: workers)
    let learner = LearnerService(
      offer: LearnerOffer(
        run: "bench", heartbeat: .seconds(1), settings: "{}", trustGRPO: TrustGRPOSettings(), artifacts: []),
      transport: TimedTransport(transport: transport, stopwatch: stopwatch), trainer: FixedPolicy(bytes: bytes),
      catalogue: EmptyCatalogue(), journal: ForgetfulJournal(), log: { _, _ in })
    let endpoint = "tcp://127.0.0.1:\(transport.ports.control)"

    async let end = learner.run(
      settings: LearnerSettings(
        totalSteps: 1, promptsPerStep: 1,
        admission: AdmissionRules(groupSize: 1, maximumResponseTokens: 1, vocabularySize: 1, staleness: 0),
        leaseDuration: .seconds(600), heartbeat: .seconds(1), peerTimeout: .seconds(60), maximumAttempts: 1,
        checkpointEvery: 0, keepCheckpoints: 2, keepsGroups: true, hedgeAfter: nil, shutdownGrace: .seconds(5),
        stallAfter: .seconds(600), endAfterStall: nil),
      schedule: Schedule(rows: 1, seed: 0, shuffled: false), recovered: .new, manifest: manifest)
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
          link: .init(silence: .seconds(30), giveUpAfter: .seconds(120)), credit: 0, resendAfter: .seconds(60),
          grace: .zero, transfer: transfer)
        group.addTask {
          let hello = Hello(role: .worker, host: "here", processID: Int32(index + 1))
          _ = await service.run(hello: hello, settings: settings, seed: UInt64(index))
        }
      }
      group.addTask {
        await stopwatch.finished()
        learner.stop(reason: "measured")
      }
      try await group.waitForAll()
    }
    _ = try await end
    return stopwatch.elapsed
  }
}

/// Runs from the first chunk until the last receiver is done.
private final class Stopwatch: Sendable {
  private struct State {
    var start: ContinuousClock.Instant?
    var end: ContinuousClock.Instant?
    var left: Int
  }

  private let state: Mutex<State>
  private let done = AsyncStream.makeStream(of: Void.self)

  init(receivers: Int) {
    state = Mutex(State(left: receivers))
  }

  func sent() {
    state.withLock { if $0.start == nil { $0.start = .now } }
  }

  func received() {
    let isLast = state.withLock { state in
      state.left -= 1
      if state.left == 0 { state.end = .now }
      return state.left == 0
    }
    if isLast { done.continuation.finish() }
  }

  func finished() async {
    for await _ in done.stream {}
  }

  var elapsed: Duration { state.withLock { state in state.start.flatMap { start in state.end.map { $0 - start } } } ?? .zero }
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

private struct FixedPolicy: PolicyTrainer {
  let bytes: [UInt8]

  func weights() async throws -> [UInt8] { bytes }
  func train(step: UInt32, groups: [ScoredGroup]) async throws -> (TrainedStep, WeightManifest) { throw Unused() }
  func checkpoint(step: UInt32) async throws -> (path: String, policy: SHA256Digest) { ("", SHA256Digest(of: [])) }
  func removeCheckpoints(_ paths: [String]) async throws {}
}

private struct Receiver: GroupGenerator {
  let stopwatch: Stopwatch

  func prepare(folder: String, settings: String) async throws {}
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
