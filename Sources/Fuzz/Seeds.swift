internal import DurableFiles
internal import Rollout
internal import Settings
internal import TrustGRPO
internal import WeightDeltas
internal import Wire

/// Inputs in binary form to begin with, as the program itself writes them. Those in text stand in the corpus as they were typed.
enum Seeds {
  static let all: [(target: String, name: String, bytes: [UInt8])] = peer + learner + groups + deltas + settings

  private static let codec = Codec()
  private static let digest = SHA256Digest(of: [1, 2, 3])
  private static let lease = LeaseID(incarnation: 2, number: 77)

  private static func framed(_ frame: Frame) -> [UInt8] {
    let payload = frame.payload?.bytes ?? []
    return [UInt8(payload.count)] + frame.header + payload
  }

  private static let peer: [(String, String, [UInt8])] = [
    PeerMessage.hello(
      Hello(protocolVersion: 1, role: .worker, host: "host-1", processID: 4711, endpoint: "tcp://10.0.0.2:5600", publicKey: "k")),
    .heartbeat(Heartbeat(incarnation: 2, version: 9, credit: 3, held: [lease])), .generated(lease),
    .declined(lease, reason: "no image"), .fetch(Fetch(source: .artifact(digest), offset: 4096, count: 1024)),
    .fetch(Fetch(source: .delta(version: 3), offset: 0, count: 1)), .bye(reason: "done"),
    .look(.cluster, protocolVersion: protocolVersion), .look(.unit(UnitID(epoch: 1, prompt: 12)), protocolVersion: protocolVersion),
  ].enumerated().map { ("peer-message", "seed-\($0)", framed(codec.encode($1))) }

  private static let manifest: WeightManifest = {
    var manifest = WeightManifest(
      version: 3,
      entries: [
        .init(name: "a.weight", shape: [2, 3], dtype: "F32", byteCount: 24, digest: digest),
        .init(name: "b.bias", shape: [5], dtype: "BF16", byteCount: 10, digest: digest),
      ])
    manifest.delta = .init(base: 2, baseDigest: digest, byteCount: 9)
    return manifest
  }()

  private static let scorer = ScorerAddress(name: "scorer-0", endpoint: "tcp://10.0.0.3:5601", publicKey: "k")

  private static let issued = Lease(
    id: lease, unit: UnitID(epoch: 1, prompt: 12), attempt: 1, version: 4, step: 5,
    task: PromptTask(problem: "How many bars?", system: "Think.", images: [[0x89, 0x50]], problemType: "numerical", solution: "12"))

  private static let snapshot = ClusterSnapshot(
    run: "run-1", incarnation: 2, host: "host-0", processID: 12, uptime: 4.5, step: 3, totalSteps: 9, isTraining: true,
    activity: "trains step 4", promptsPerStep: 4, ready: 4, idleShare: 0.25, groupsPerSecond: 2, tokensPerSecond: 99,
    units: [1, 2, 3, 4, 5, 6, 7], refusals: 1, duplicates: 2, staleness: 0,
    peers: [
      ObservedPeer(
        name: "worker-0", role: .worker, host: "host-1", processID: 4711, state: .working, version: 3, credit: 2, leases: 1,
        waiting: 1, idleShare: 0.5, tokensPerSecond: 50, groups: 7, silence: 0.25)
    ])

  private static let learner: [(String, String, [UInt8])] =
    [
      LearnerMessage.welcome(
        Welcome(
          run: "run-1", incarnation: 2, publishPort: 5556, dataPort: 5557, heartbeat: .seconds(2), settings: "{}",
          artifacts: [Artifact(path: "policy/config.json", byteCount: 100, digest: digest)], scorers: [scorer],
          allowed: [AllowedPeer(name: "worker-0", role: .worker, publicKey: "k")], manifest: manifest,
          groupSize: 8, responseTokens: 64)),
      .refused(reason: "unknown key"), .helloWanted, .heartbeat, .lease(issued), .durable([lease]), .revoked([lease]),
      .chunk(Chunk(source: .weights(version: 3), offset: 0, payload: Payload([1, 2, 3, 4]))), .gone(.weights(version: 2)),
      .scorers([scorer]), .shutdown(reason: "trained", isComplete: true), .cluster(snapshot),
      .story(
        UnitStory(unit: UnitID(epoch: 1, prompt: 12), state: .trained, step: 5, events: [.init(at: 1e9, what: "leased to worker-0")])),
    ].enumerated().map { ("learner-message", "seed-\($0)", framed(codec.encode($1))) }
    + [("publication", "seed-0", framed(codec.encode(Publication.announced(manifest))))]

  private static let responses = [
    Response(tokens: [5, 6, 7], logProbabilities: [-0.5, -1.25, 0], finish: .stop, text: "<think>a</think><answer>12</answer>"),
    Response(tokens: [8], logProbabilities: [-3], finish: .length, text: "x"),
  ]

  private static let groups: [(String, String, [UInt8])] = {
    let group = ResponseGroup(lease: issued, responses: responses, seconds: 1.5)
    let (outcomes, thinking): ([Double], [Double?]) = ([1, 0], [0.7, nil])
    var seeds = [("response-group", "seed-0", framed(codec.encode(group)))]
    guard let rewards = try? GroupRewards.compute(outcomes: outcomes, thinking: thinking, step: 4, settings: TrustGRPOSettings())
    else { return seeds }
    let scored = ScoredGroup(
      lease: lease, unit: issued.unit, attempt: 1, version: 4, step: 5, taskDigest: digest, responses: responses,
      outcomes: outcomes, thinking: thinking, rewards: rewards, generationSeconds: 1.5, scoringSeconds: 0.25, worker: "worker-0")
    seeds.append(("scored-group", "seed-0", framed(codec.encode(scored))))
    return seeds
  }()

  /// For the tensors that the target makes of the first bytes.
  private static let deltas: [(String, String, [UInt8])] = [
    [0, 0, 200], [1, 1, 40, 0, 7], [2, 2, 250, 3, 9, 0, 128], [3, 0, 1, 1, 2, 2, 3, 3, 4],
  ].enumerated().compactMap { index, header in
    let widths = [2, 4, 1, 8]
    let types = ["BF16", "F32", "U8", "F64"]
    let entries = (0..<header.count / 2).map { tensor in
      let (type, length) = (Int(header[1 + 2 * tensor]), Int(header[2 + 2 * tensor]))
      return WeightManifest.Entry(
        name: "tensor \(tensor)", shape: [length], dtype: types[type], byteCount: length * widths[type], digest: digest)
    }
    let manifest = WeightManifest(version: 2, entries: entries)
    let base = (0..<manifest.byteCount).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var target = base
    for place in Swift.stride(from: 0, to: target.count, by: 9) { target[place] ^= 5 }
    guard let delta = WeightDelta.make(from: base, to: target, manifest) else { return nil }
    return ("weight-delta", "seed-\(index)", header.map(UInt8.init) + delta)
  }

  /// As a welcome carries them.
  private static let settings: [(String, String, [UInt8])] =
    (try? RunSettings().json()).map { [("settings-json", "seed-0", Array($0.utf8))] } ?? []
}
