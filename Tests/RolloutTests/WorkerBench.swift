import DurableFiles
import WeightDeltas

@testable import Rollout

/// A worker with a clock that the test turns, and a record of all that it wanted done.
struct WorkerBench {
  static let settings = WorkerRole.Settings(
    link: LearnerLink.Settings(silence: .seconds(5), giveUpAfter: .seconds(60)), credit: 2, grace: .seconds(8))

  var role: WorkerRole
  var now = Instant(nanoseconds: 1_000_000_000)
  private(set) var actions: [WorkerAction] = []

  init() {
    role = WorkerRole(hello: .sample(.worker), settings: Self.settings, seed: 1, now: now)
  }

  /// Welcomed, prepared, and sampling from `version`.
  static func ready(version: UInt64 = 0, scorers: [ScorerAddress] = [.sample("s1")]) -> WorkerBench {
    var bench = WorkerBench()
    bench.receive(.tick)
    bench.hear(.welcome(.sample(version: version, scorers: scorers)))
    bench.receive(.found([]))
    bench.receive(.prepared(resendAfter: .seconds(4)))
    bench.serve(version)
    return bench
  }

  /// What is to be assembled is assembled at once.
  @discardableResult
  mutating func receive(_ event: WorkerEvent) -> [WorkerAction] {
    var new = role.receive(event, at: now)
    actions += new
    for case .assemble(let assembly) in new {
      new += receive(.assembled(assembly.manifest, assembly.assembled()))
    }
    return new
  }

  @discardableResult
  mutating func hear(_ message: LearnerMessage) -> [WorkerAction] { receive(.message(message)) }

  @discardableResult
  mutating func wait(_ duration: Duration) -> [WorkerAction] {
    now = now + duration
    return receive(.tick)
  }

  /// Waits second by second, with a word from the learner at each.
  @discardableResult
  mutating func pass(seconds: Int) -> [WorkerAction] {
    var new: [WorkerAction] = []
    for _ in 0..<seconds {
      now = now + .seconds(1)
      new += hear(.heartbeat)
    }
    return new
  }

  /// The bytes of `version` arrive and are loaded.
  @discardableResult
  mutating func serve(_ version: UInt64) -> [WorkerAction] {
    var new = hear(.chunk(.weights(version)))
    if new.loads == [version] { new += receive(.loaded(version: version)) }
    return new
  }

  /// The engine finishes the lease of this number, or what it was given last.
  @discardableResult
  mutating func generate(_ number: UInt64? = nil) -> [WorkerAction] {
    guard let lease = actions.generating.last(where: { number == nil || $0.id.number == number }) else { return [] }
    return receive(.generated(ResponseGroup(lease: lease, responses: [.sample(), .sample()], seconds: 1)))
  }
}

extension Chunk {
  static func weights(_ version: UInt64) -> Chunk {
    Chunk(source: .weights(version: version), offset: 0, payload: Payload(WeightManifest.payload(version)))
  }

  static func artifact(_ bytes: [UInt8]) -> Chunk {
    Chunk(source: .artifact(SHA256Digest(of: bytes)), offset: 0, payload: Payload(bytes))
  }
}

extension [WorkerAction] {
  var sent: [PeerMessage] { compactMap { if case .send(let message) = $0 { message } else { nil } } }
  var generating: [Lease] { compactMap { if case .generate(let lease) = $0 { lease } else { nil } } }
  var loads: [UInt64] { compactMap { if case .load(let manifest, _) = $0 { manifest.version } else { nil } } }
  var pushes: [String] { compactMap { if case .push(_, let scorer) = $0 { scorer.name } else { nil } } }
  var fetches: [Fetch] { sent.compactMap { if case .fetch(let fetch) = $0 { fetch } else { nil } } }
  var hellos: Int { sent.count { if case .hello = $0 { true } else { false } } }
  var beats: [Heartbeat] { sent.compactMap { if case .heartbeat(let beat) = $0 { beat } else { nil } } }
  var finish: RunEnd? { compactMap { if case .finish(let end) = $0 { end } else { nil } }.first }
  var kept: [String] { compactMap { if case .keep(let artifact, _) = $0 { artifact.path } else { nil } } }
  var prepares: Bool { contains { if case .prepare = $0 { true } else { false } } }

  func logged(_ text: String) -> Bool {
    contains { if case .log(_, let line) = $0 { line.contains(text) } else { false } }
  }
}
