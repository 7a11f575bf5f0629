import DurableFiles
import Limits
import Rollout
import Testing

@testable import Wire

@Suite("Limits on decode")
struct LimitTests {
  /// Small enough to be passed by small messages.
  static let small: Limits = {
    var limits = Limits()
    (limits.messages.groupSize, limits.messages.responseTokens, limits.messages.imagesPerPrompt, limits.images.file) = (2, 3, 1, 10)
    limits.messages.responseText = 32
    (limits.messages.problemText, limits.messages.chunk, limits.messages.artifact, limits.messages.artifacts) = (8, 16, 1000, 1)
    (limits.messages.waiting, limits.messages.credit, limits.messages.peers, limits.messages.name, limits.models.tensorRank) = (2, 4, 1, 12, 2)
    return limits
  }()

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let decode: @Sendable () throws -> Void

    init(_ what: String, _ decode: @escaping @Sendable () throws -> Void) {
      (testDescription, self.decode) = (what, decode)
    }

    init(_ what: String, peer message: PeerMessage) {
      self.init(what) { _ = try Codec(limits: small).peerMessage(Codec().encode(message)) }
    }

    init(_ what: String, learner message: LearnerMessage) {
      self.init(what) { _ = try Codec(limits: small).learnerMessage(Codec().encode(message)) }
    }

    init(_ what: String, lease change: @escaping @Sendable (inout Lease) -> Void) {
      self.init(what) {
        var lease = lease
        change(&lease)
        _ = try Codec(limits: small).learnerMessage(Codec().encode(.lease(lease)))
      }
    }

    init(_ what: String, group change: @escaping @Sendable (inout ResponseGroup) -> Void) {
      self.init(what) {
        var group = group
        change(&group)
        _ = try Codec(limits: small).responseGroup(Codec().encode(group))
      }
    }

    init(_ what: String, welcome change: @escaping @Sendable (inout Welcome) -> Void) {
      self.init(what) {
        var welcome = welcome
        change(&welcome)
        _ = try Codec(limits: small).learnerMessage(Codec().encode(.welcome(welcome)))
      }
    }
  }

  static let lease = Lease(
    id: LeaseID(incarnation: 1, number: 1), unit: UnitID(epoch: 0, prompt: 0), attempt: 1, version: 0, step: 1,
    task: PromptTask(problem: "p", system: nil, images: [[1]], problemType: "numerical", solution: "1"))
  static let group = ResponseGroup(
    lease: lease, responses: [Response(tokens: [1], logProbabilities: [-1], finish: .stop, text: "1")], seconds: 1)
  static let digest = SHA256Digest(of: [])
  static let welcome = Welcome(
    run: "r", incarnation: 1, publishPort: 1, dataPort: 2, heartbeat: .seconds(1), settings: "{}",
    artifacts: [Artifact(path: "policy/a", byteCount: 1, digest: digest)], scorers: [], allowed: [], manifest: nil, groupSize: 2,
    responseTokens: 3)
  static let scorer = ScorerAddress(name: "s", endpoint: "e", publicKey: "k")
  static let leases = (1...3).map { LeaseID(incarnation: 1, number: $0) }

  static func chunk(_ count: Int, offset: Int = 0) -> Chunk {
    Chunk(source: .weights(version: 1), offset: offset, payload: Payload([UInt8](repeating: 0, count: count)))
  }

  static func announcement(version: UInt64 = 2, deltaFrom base: UInt64, byteCount: Int) -> Frame {
    let entry = WeightManifest.Entry(name: "w", shape: [2], dtype: "F32", byteCount: 8, digest: digest)
    let delta = WeightManifest.Delta(base: base, baseDigest: digest, byteCount: byteCount)
    return Codec().encode(.announced(WeightManifest(version: version, entries: [entry], delta: delta)))
  }

  static func manifest(_ shape: [Int], _ byteCount: Int, dtype: String = "F32") -> LearnerMessage {
    var welcome = welcome
    welcome.manifest = WeightManifest(
      version: 0, entries: [.init(name: "w", shape: shape, dtype: dtype, byteCount: byteCount, digest: digest)])
    return .welcome(welcome)
  }

  static let beyond = [
    Case("credit", peer: .heartbeat(Heartbeat(incarnation: 1, version: nil, credit: 5, held: []))),
    Case("leases held", peer: .heartbeat(Heartbeat(incarnation: 1, version: nil, credit: 1, held: leases))),
    Case("host name", peer: .hello(Hello(role: .worker, host: "a-long-host-name", processID: 1))),
    Case("fetch size", peer: .fetch(Fetch(source: .weights(version: 1), offset: 0, count: 17))),
    Case("fetch offset", peer: .fetch(Fetch(source: .weights(version: 1), offset: 1001, count: 1))),
    Case("leases durable", learner: .durable(leases)), Case("leases revoked", learner: .revoked(leases)),
    Case("scorers", learner: .scorers([scorer, scorer])),
    Case("chunk", learner: .chunk(chunk(17))), Case("chunk offset", learner: .chunk(chunk(1, offset: 1001))),
    Case("weights", learner: manifest([251], 1004)), Case("tensor rank", learner: manifest([1, 1, 1], 4)),
    Case("dimension", learner: manifest([1001], 4004)),
    Case("problem", lease: { $0.task.problem = "123456789" }),
    Case("problem in bytes, not characters", lease: { $0.task.problem = "漢漢漢" }),
    Case("system prompt", lease: { $0.task.system = "123456789" }),
    Case("solution", lease: { $0.task.solution = "123456789" }),
    Case("problem type", lease: { $0.task.problemType = "multiple choice" }),
    Case("images", lease: { $0.task.images = [[1], [2]] }),
    Case("image", lease: { $0.task.images = [Array(repeating: 1, count: 11)] }),
    Case("group size", group: { $0.responses = [$0.responses[0], $0.responses[0], $0.responses[0]] }),
    Case("tokens", group: { $0.responses[0].tokens = [1, 2, 3, 4] }),
    Case("log-probabilities", group: { $0.responses[0].logProbabilities = [-1, -1, -1, -1] }),
    Case("response text", group: { $0.responses[0].text = String(repeating: "a", count: 33) }),
    Case("settings", welcome: { $0.settings = "{\"a\": 12}" }),
    Case("model files", welcome: { $0.artifacts += $0.artifacts }),
    Case("model file", welcome: { $0.artifacts[0].byteCount = 1001 }),
    Case("scorers of a welcome", welcome: { $0.scorers = [scorer, scorer] }),
    Case("keys", welcome: { $0.allowed = Array(repeating: AllowedPeer(name: "a", role: .worker, publicKey: ""), count: 2) }),
    Case("control message") {
      var limits = Limits()
      limits.messages.fromPeer = 4
      _ = try Codec(limits: limits).peerMessage(Codec().encode(.bye(reason: "so long")))
    },
    Case("data message") {
      var limits = Limits()
      limits.messages.data = 4
      _ = try Codec(limits: limits).responseGroup(Codec().encode(group))
    },
  ]

  static let malformed = [
    Case("a fetch of nothing", peer: .fetch(Fetch(source: .weights(version: 1), offset: 0, count: 0))),
    Case("control characters in a name", peer: .hello(Hello(role: .worker, host: "a\u{1B}[2J", processID: 1))),
    Case("fewer bytes than the shape says", learner: manifest([2, 3], 20)),
    Case("a size that no integer holds") {
      let size = 1 << 36
      _ = try Codec().learnerMessage(Codec().encode(manifest([size, size], 4)))
    },
    Case("an unknown type", learner: manifest([1], 4, dtype: "F8")),
    Case("tensors out of order") {
      let entries = ["b", "a"].map {
        WeightManifest.Entry(name: $0, shape: [1], dtype: "F32", byteCount: 4, digest: digest)
      }
      _ = try Codec().publication(Codec().encode(.announced(WeightManifest(version: 1, entries: entries))))
    },
    Case("a tensor named twice") {
      let entries = ["a", "a"].map {
        WeightManifest.Entry(name: $0, shape: [1], dtype: "F32", byteCount: 4, digest: digest)
      }
      _ = try Codec().publication(Codec().encode(.announced(WeightManifest(version: 1, entries: entries))))
    },
    Case("a delta no smaller than the weights") {
      _ = try Codec().publication(announcement(deltaFrom: 1, byteCount: 8))
    },
    Case("a delta of nothing") { _ = try Codec().publication(announcement(deltaFrom: 1, byteCount: 0)) },
    Case("a delta from a version to come") { _ = try Codec().publication(announcement(deltaFrom: 2, byteCount: 4)) },
    Case("a chunk of nothing", learner: .chunk(chunk(0))),
    Case("a chunk whose bytes are missing") {
      _ = try Codec().learnerMessage(Frame(Codec().encode(.chunk(chunk(4))).header))
    },
    Case("a chunk with more bytes than it announces") {
      _ = try Codec().learnerMessage(Frame(Codec().encode(.chunk(chunk(4))).header, [1, 2, 3, 4, 5]))
    },
    Case("bytes beside a learner's message that is no chunk") {
      _ = try Codec().learnerMessage(Frame(Codec().encode(LearnerMessage.heartbeat).header, [1]))
    },
    Case("bytes beside a peer's message") {
      _ = try Codec().peerMessage(Frame(Codec().encode(.bye(reason: "")).header, [1]))
    },
    Case("bytes beside an announcement") {
      _ = try Codec().publication(Frame(announcement(deltaFrom: 1, byteCount: 4).header, [1]))
    },
    Case("bytes beside a group") { _ = try Codec().responseGroup(Frame(Codec().encode(group).header, [1])) },
    Case("attempt 0", lease: { $0.attempt = 0 }), Case("step 0", lease: { $0.step = 0 }),
    Case("negative seconds", group: { $0.seconds = -1 }), Case("seconds that are no number", group: { $0.seconds = .nan }),
    Case("an empty message") { _ = try Codec().peerMessage([]) },
    Case("a heartbeat of two days", welcome: { $0.heartbeat = .seconds(172_800) }),
  ]

  @Test("what is beyond a limit is refused by name", arguments: beyond)
  func refusesBeyond(_ example: Case) { expectRefusal(example, code: "wire.beyond-limit") }

  @Test("what makes no sense is refused by name", arguments: malformed)
  func refusesMalformed(_ example: Case) { expectRefusal(example, code: "wire.malformed") }

  @Test(
    "a model file's path is two plain names and nothing else",
    arguments: [
      "../evil", "policy/../../etc/passwd", "policy/..", "/etc/passwd", "policy/", "/policy", "policy", "", "policy//a",
      "policy/a/b", "policy/.hidden", ".ssh/key", "policy/a\0b", "policy/a b", "policy/a\nb", "policy/é",
    ])
  func paths(_ path: String) {
    let example = Case(path, welcome: { $0.artifacts[0].path = path })
    expectRefusal(example, code: "wire.malformed")
  }

  @Test("messages nested without end are refused")
  func nesting() {
    var frame: [UInt8] = []
    // Field 15, unknown to every message, wrapped into itself.
    for _ in 0..<5000 { frame = [0x7A] + varint(frame.count) + frame }
    let nested = Frame(frame)
    #expect(throws: WireError.self) { try Codec().peerMessage(nested) }
  }

  @Test("a contradiction of limits is named")
  func contradiction() {
    var limits = Limits.standard
    limits.messages.control = limits.messages.chunk
    #expect(limits.contradictions.contains("a chunk must fit into a control message"))
  }

  @Test("the limits fit together, and those of any run too", arguments: [(1, 1), (2, 16), (8, 1024), (256, 65_536)])
  func contradictions(groupSize: Int, responseTokens: Int) {
    #expect(Limits.standard.contradictions == [])
    let run = Limits.standard.narrowed(toGroupsOf: groupSize, responseTokens: responseTokens)
    #expect(run.contradictions.filter { !$0.hasPrefix("a full group's") && !$0.hasPrefix("a window of chunks") } == [])
    #expect(run.learnerHolds <= Limits.standard.learnerHolds && run.messages.data <= Limits.standard.messages.data)
    #expect(Set(Limits.standard.table.map { "\($0.section) \($0.name)" }).count >= Limits.standard.table.count - 2)
  }

  @Test("a run takes its own largest group, and none of more bytes")
  func narrowed() throws {
    let codec = Codec(limits: .standard.narrowed(toGroupsOf: 3, responseTokens: 5))
    let longest = Response(
      tokens: [Int32](repeating: .max, count: 5), logProbabilities: [Float](repeating: -1, count: 5), finish: .stop,
      text: String(repeating: "x", count: 5 * Limits.standard.models.tokenBytes))
    var group = Self.group
    group.responses = [Response](repeating: longest, count: 3)
    #expect(try codec.responseGroup(Codec().encode(group)) == group)
    // One response too many, or a token: admission says why.
    group.responses.append(longest)
    group.responses[0].tokens.append(1)
    #expect(try codec.responseGroup(Codec().encode(group)) == group)
    let padding = Response(tokens: [1], logProbabilities: [-1], finish: .stop, text: longest.text)
    for change in [
      { $0.responses[0].text += "x" }, { $0.lease.task.solution = String(repeating: "x", count: (1 << 20) + 1) },
      { $0.responses = [Response](repeating: padding, count: 256) + [padding] },
    ] as [(inout ResponseGroup) -> Void] {
      var larger = group
      change(&larger)
      #expect(throws: WireError.self) { try codec.responseGroup(Codec().encode(larger)) }
    }
  }

  @Test("text from a peer cannot command a terminal or fill a log")
  func text() throws {
    let message = PeerMessage.bye(reason: "bye\u{1B}[31m\u{9B}2J\u{202E}\n" + String(repeating: "x", count: 5000))
    guard case .bye(let reason) = try Codec().peerMessage(Codec().encode(message)) else { return }
    #expect(reason.hasPrefix("bye[31m2Jxxx") && reason.count < 1000)
  }

  private func expectRefusal(_ example: Case, code: String) {
    do {
      try example.decode()
      Issue.record("was taken: \(example.testDescription)")
    } catch {
      #expect((error as? WireError)?.code == code, "\(error)")
    }
  }

  private func varint(_ value: Int) -> [UInt8] {
    var (value, bytes): (Int, [UInt8]) = (value, [])
    while value > 127 {
      bytes.append(UInt8(value & 127) | 128)
      value >>= 7
    }
    return bytes + [UInt8(value)]
  }
}
