import DurableFiles
import Rollout
import TrustGRPO

/// Random messages within the limits, from a seed.
struct MessageGenerator {
  static let settings = TrustGRPOSettings()

  private let random: CounterRandom
  private var position: UInt32 = 0

  init(seed: UInt64) {
    random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
  }

  mutating func bits() -> UInt64 {
    position += 1
    return random.bits(at: position)
  }

  mutating func below(_ bound: Int) -> Int { Int(bits() % UInt64(bound)) }
  mutating func bool() -> Bool { bits() & 1 == 1 }
  mutating func unit() -> Double { Double(bits() >> 11) * 0x1p-53 }
  mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: bits()) } }

  mutating func list<Element>(upTo count: Int, _ make: (inout Self) -> Element) -> [Element] {
    (0..<below(count + 1)).map { _ in make(&self) }
  }

  mutating func text(upTo count: Int = 20) -> String {
    let alphabet = Array("abc xyz 0189 <think> äöü 漢字 🙂 \"\\/")
    return String(list(upTo: count) { alphabet[$0.below(alphabet.count)] })
  }

  mutating func digest() -> SHA256Digest { SHA256Digest(of: bytes(8)) }
  mutating func leaseID() -> LeaseID { LeaseID(incarnation: UInt32(truncatingIfNeeded: bits()), number: bits()) }
  mutating func unitID() -> UnitID {
    UnitID(epoch: UInt32(truncatingIfNeeded: bits()), prompt: UInt32(truncatingIfNeeded: bits()))
  }

  // MARK: Control plane

  mutating func peerMessages() -> [PeerMessage] {
    [
      .hello(
        Hello(
          protocolVersion: UInt32(below(9)), role: Role.allCases[below(3)], host: text(), processID: Int32(below(99_999)),
          endpoint: text(), publicKey: text())),
      .heartbeat(
        Heartbeat(
          incarnation: UInt32(below(9)), version: bool() ? bits() : nil, credit: below(65),
          held: list(upTo: 4) { $0.leaseID() }, busy: Float(unit()), waiting: below(1025))),
      .generated(leaseID()), .declined(leaseID(), reason: text()),
      .fetch(Fetch(source: source(), offset: below(1 << 36), count: 1 + below(1 << 20))), .bye(reason: text()),
      .look(.cluster, protocolVersion: UInt32(below(9))), .look(.unit(unitID()), protocolVersion: 4),
    ]
  }

  mutating func learnerMessages() -> [LearnerMessage] {
    [
      .welcome(welcome()), .refused(reason: text()), .helloWanted, .heartbeat, .lease(lease()),
      .durable(list(upTo: 4) { $0.leaseID() }), .revoked(list(upTo: 4) { $0.leaseID() }), .chunk(chunk()),
      .gone(source()), .scorers(list(upTo: 3) { $0.scorer() }), .shutdown(reason: text(), isComplete: bool()), .cluster(snapshot()), .story(story()),
    ]
  }

  private mutating func share() -> Double { Double(Float(unit())) }

  mutating func snapshot() -> ClusterSnapshot {
    ClusterSnapshot(
      run: text(), incarnation: UInt32(below(9)), host: text(), processID: Int32(below(99_999)), uptime: unit() * 1e6,
      step: UInt32(below(99)), totalSteps: UInt32(below(99)), isTraining: bool(), activity: text(), promptsPerStep: below(99),
      ready: below(99), idleShare: share(), groupsPerSecond: share(), tokensPerSecond: share(),
      units: list(upTo: 7) { $0.below(1 << 40) }, refusals: below(99), duplicates: below(99), staleness: UInt32(below(9)),
      peers: list(upTo: 4) { generator in
        ObservedPeer(
          name: generator.text(), role: Role.allCases[generator.below(4)], host: generator.text(),
          processID: Int32(generator.below(99_999)), state: ObservedPeer.State.allCases[generator.below(5)],
          version: generator.bool() ? generator.bits() : nil, credit: generator.below(65), leases: generator.below(65),
          waiting: generator.below(99), idleShare: generator.share(), tokensPerSecond: generator.share(),
          groups: generator.below(99), silence: generator.share())
      })
  }

  mutating func story() -> UnitStory {
    UnitStory(
      unit: unitID(), state: bool() ? UnitState.allCases[below(7)] : nil, step: UInt32(below(99)),
      events: list(upTo: 4) { UnitStory.Event(at: $0.unit() * 1e9, what: $0.text()) })
  }

  mutating func publications() -> [Publication] { [.announced(manifest())] }

  mutating func welcome() -> Welcome {
    Welcome(
      run: text(), incarnation: UInt32(below(1000)), publishPort: UInt16(below(65_536)), dataPort: UInt16(below(65_536)),
      heartbeat: .nanoseconds(below(20_000_000_000)), settings: text(upTo: 200),
      artifacts: list(upTo: 3) {
        Artifact(path: "policy/file-\($0.below(100)).json", byteCount: $0.below(1 << 36), digest: $0.digest())
      },
      scorers: list(upTo: 3) { $0.scorer() },
      allowed: list(upTo: 3) { AllowedPeer(name: $0.text(), role: Role.allCases[$0.below(3)], publicKey: $0.text()) },
      manifest: bool() ? manifest() : nil, groupSize: 1 + below(256), responseTokens: 1 + below(65_536), clock: unit() * 1e9)
  }

  mutating func scorer() -> ScorerAddress { ScorerAddress(name: text(), endpoint: text(), publicKey: text()) }

  mutating func source() -> Fetch.Source {
    [.artifact(digest()), .weights(version: bits()), .delta(version: bits())][below(3)]
  }

  mutating func chunk() -> Chunk {
    let count = 1 + below(300)
    return Chunk(source: source(), offset: below(1 << 36), payload: Payload(bytes(count)))
  }

  mutating func manifest() -> WeightManifest {
    let entries = (0..<below(4)).map { index in
      let shape = list(upTo: 3) { 1 + $0.below(50) }
      let (dtype, width) = bool() ? ("F32", 4) : ("BF16", 2)
      return WeightManifest.Entry(
        name: "layer.\(index).weight", shape: shape, dtype: dtype, byteCount: shape.reduce(width, *), digest: digest())
    }
    var manifest = WeightManifest(version: 1 + UInt64(below(9)), entries: entries)
    if bool(), manifest.byteCount > 1 {
      manifest.delta = .init(
        base: UInt64(below(Int(manifest.version))), baseDigest: digest(), byteCount: 1 + below(manifest.byteCount - 1))
    }
    return manifest
  }

  // MARK: Data plane

  mutating func lease() -> Lease {
    let images = list(upTo: 2) { $0.bytes($0.below(200)) }
    return Lease(
      id: leaseID(), unit: unitID(), attempt: 1 + UInt32(below(9)), version: bits(), step: 1 + UInt32(below(2000)),
      task: PromptTask(
        problem: text(), system: bool() ? text() : nil, images: images, problemType: "numerical", solution: text()))
  }

  mutating func response() -> Response {
    let tokens = list(upTo: 12) { Int32(truncatingIfNeeded: $0.bits()) }
    return Response(
      tokens: tokens, logProbabilities: tokens.map { _ in Float(-9 * unit()) }, finish: bool() ? .stop : .length,
      text: text())
  }

  mutating func responseGroup() -> ResponseGroup {
    ResponseGroup(lease: lease(), responses: list(upTo: 8) { $0.response() }, seconds: unit() * 100)
  }

  mutating func scoredGroup() throws -> ScoredGroup {
    let responses = (0..<1 + below(8)).map { _ in response() }
    let outcomes = responses.map { _ in bool() ? 1 : unit() }
    let thinking = responses.map { _ in bool() ? unit() : nil }
    let step = 1 + UInt32(below(2000))
    return ScoredGroup(
      lease: leaseID(), unit: unitID(), attempt: 1 + UInt32(below(9)), version: bits(), step: step,
      taskDigest: digest(), responses: responses, outcomes: outcomes, thinking: thinking,
      rewards: try GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(step) - 1, settings: Self.settings),
      generationSeconds: unit(), scoringSeconds: unit() * 10, worker: text())
  }
}
