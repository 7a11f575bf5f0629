internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout

extension WirePeerMessage {
  init(_ message: PeerMessage) {
    self.init()
    self.message =
      switch message {
      case .hello(let hello): .hello(WireHello(hello))
      case .heartbeat(let heartbeat): .heartbeat(WireHeartbeat(heartbeat))
      case .generated(let lease): .generated(WireLeaseID(lease))
      case .declined(let lease, let reason):
        .declined(
          WireDeclined.with {
            $0.lease = WireLeaseID(lease)
            $0.reason = reason.shortened
          })
      case .fetch(let fetch):
        .fetch(
          WireFetch.with {
            $0.source = WireSource(fetch.source)
            $0.offset = UInt64(fetch.offset)
            $0.count = UInt64(fetch.count)
          })
      case .bye(let reason): .bye(reason.shortened)
      case .look(let look, let version): .look(WireLook(look, version))
      }
  }
}

extension PeerMessage {
  init(_ wire: WirePeerMessage, _ limits: Limits) throws(WireError) {
    switch wire.message {
    case .hello(let hello): self = .hello(try Hello(hello, limits))
    case .heartbeat(let heartbeat): self = .heartbeat(try Heartbeat(heartbeat, limits))
    case .generated(let lease): self = .generated(LeaseID(lease))
    case .declined(let declined): self = .declined(LeaseID(declined.lease), reason: limits.text(declined.reason))
    case .fetch(let fetch):
      self = .fetch(
        Fetch(
          source: try Fetch.Source(fetch.source),
          offset: try limits.size("the offset of a fetch", fetch.offset, limits.messages.artifact),
          count: try limits.count(of: fetch)))
    case .bye(let reason): self = .bye(reason: limits.text(reason))
    case .look(let look): self = .look(Look(look), protocolVersion: look.protocolVersion)
    case nil: throw .malformed("control", "it holds no message that this version knows")
    }
  }
}

extension WireLearnerMessage {
  init(_ message: LearnerMessage) {
    self.init()
    self.message =
      switch message {
      case .welcome(let welcome): .welcome(WireWelcome(welcome))
      case .refused(let reason): .refused(reason)
      case .helloWanted: .helloWanted(WireNothing())
      case .heartbeat: .heartbeat(WireNothing())
      case .lease(let lease): .lease(WireLease(lease))
      case .durable(let leases): .durable(WireLeases(leases))
      case .revoked(let leases): .revoked(WireLeases(leases))
      case .chunk(let chunk): .chunk(WireChunk(chunk))
      case .gone(let source): .gone(WireSource(source))
      case .scorers(let scorers): .scorers(WireScorers.with { $0.scorers = scorers.map { WireScorerAddress($0) } })
      case .shutdown(let reason, let isComplete):
        .shutdown(
          WireShutdown.with {
            $0.reason = reason.shortened
            $0.isComplete = isComplete
          })
      case .cluster(let snapshot): .cluster(WireClusterSnapshot(snapshot))
      case .story(let story): .story(WireUnitStory(story))
      }
  }
}

extension LearnerMessage {
  /// - Parameter payload: the bytes of a chunk; no other message comes with any.
  init(_ wire: WireLearnerMessage, _ payload: Payload?, _ limits: Limits) throws(WireError) {
    if case .chunk = wire.message {} else { try requireNone(payload, "control") }
    switch wire.message {
    case .welcome(let welcome): self = .welcome(try Welcome(welcome, limits))
    case .refused(let reason): self = .refused(reason: limits.text(reason))
    case .helloWanted: self = .helloWanted
    case .heartbeat: self = .heartbeat
    case .lease(let lease): self = .lease(try Lease(lease, limits))
    case .durable(let leases): self = .durable(try limits.leases(leases))
    case .revoked(let leases): self = .revoked(try limits.leases(leases))
    case .chunk(let chunk): self = .chunk(try Chunk(chunk, payload, limits))
    case .gone(let source): self = .gone(try Fetch.Source(source))
    case .scorers(let scorers):
      try limits.check("the number of scorers", scorers.scorers.count, limits.messages.peers)
      self = .scorers(try limits.each(scorers.scorers, ScorerAddress.init))
    case .shutdown(let shutdown): self = .shutdown(reason: limits.text(shutdown.reason), isComplete: shutdown.isComplete)
    case .cluster(let snapshot): self = .cluster(try ClusterSnapshot(snapshot, limits))
    case .story(let story): self = .story(try UnitStory(story, limits))
    case nil: throw .malformed("control", "it holds no message that this version knows")
    }
  }
}

extension WirePublication {
  init(_ publication: Publication) {
    self.init()
    message =
      switch publication {
      case .announced(let manifest): .announced(WireWeightManifest(manifest))
      }
  }
}

extension Publication {
  init(_ wire: WirePublication, _ limits: Limits) throws(WireError) {
    switch wire.message {
    case .announced(let manifest): self = .announced(try WeightManifest(manifest, limits))
    case nil: throw .malformed("broadcast", "it holds no message that this version knows")
    }
  }
}

extension WireHello {
  init(_ hello: Hello) {
    self.init()
    protocolVersion = hello.protocolVersion
    role = hello.role.rawValue
    host = hello.host
    processID = hello.processID
    endpoint = hello.endpoint
    publicKey = hello.publicKey
  }
}

extension Hello {
  init(_ wire: WireHello, _ limits: Limits) throws(WireError) {
    self.init(
      protocolVersion: wire.protocolVersion, role: try limits.role(wire.role), host: try limits.name(wire.host),
      processID: wire.processID, endpoint: try limits.name(wire.endpoint), publicKey: try limits.name(wire.publicKey))
  }
}

extension WireHeartbeat {
  init(_ heartbeat: Heartbeat) {
    self.init()
    incarnation = heartbeat.incarnation
    if let version = heartbeat.version { self.version = version }
    credit = UInt32(heartbeat.credit)
    held = heartbeat.held.map { WireLeaseID($0) }
    busy = heartbeat.busy
    waiting = UInt32(clamping: heartbeat.waiting)
  }
}

extension Heartbeat {
  init(_ wire: WireHeartbeat, _ limits: Limits) throws(WireError) {
    try limits.check("the credit of a worker", Int(wire.credit), limits.messages.credit)
    try limits.check("the leases a worker holds", wire.held.count, limits.messages.waiting)
    try limits.check("the groups that wait in a process", Int(wire.waiting), limits.messages.waiting)
    guard (0...1).contains(wire.busy) else { throw .malformed("heartbeat", "a busy share that is none") }
    self.init(
      incarnation: wire.incarnation, version: wire.hasVersion ? wire.version : nil, credit: Int(wire.credit),
      held: wire.held.map { LeaseID($0) }, busy: wire.busy, waiting: Int(wire.waiting))
  }
}

extension WireLeases {
  init(_ leases: [LeaseID]) {
    self.init()
    self.leases = leases.map { WireLeaseID($0) }
  }
}

extension Limits {
  func role(_ text: String) throws(WireError) -> Role {
    guard let role = Role(rawValue: text) else { throw .malformed("hello", "it names no role this version knows") }
    return role
  }

  func leases(_ wire: WireLeases) throws(WireError) -> [LeaseID] {
    try check("the number of leases", wire.leases.count, messages.waiting)
    return wire.leases.map { LeaseID($0) }
  }

  func count(of fetch: WireFetch) throws(WireError) -> Int {
    guard fetch.count > 0 else { throw .malformed("fetch", "it asks for no bytes") }
    return try size("the size of a fetch", fetch.count, messages.chunk)
  }

  func name(_ text: String) throws(WireError) -> String {
    try check("the length of a name", text.utf8.count, messages.name)
    // Most names are plain ASCII, of which the control characters are told at a glance.
    let isPlain = text.utf8.allSatisfy { 0x20 <= $0 && $0 < 0x7f }
    guard isPlain || !text.unicodeScalars.contains(where: \.isControl) else {
      throw .malformed("name", "it holds control characters")
    }
    return text
  }

  /// Text for people, from a peer: shortened and without control characters, so that it can stand in a log.
  func text(_ text: String) -> String {
    if text.utf8.count <= messages.reason, text.utf8.allSatisfy({ 0x20 <= $0 && $0 < 0x7f }) { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.prefix(messages.reason).filter { !$0.isControl }))
  }
}

extension String {
  /// As much of a reason as its receiver looks at, so that a long one does not cost the message.
  fileprivate var shortened: String {
    let limit = Limits.standard.messages.reason
    return utf8.count <= limit ? self : String(String.UnicodeScalarView(unicodeScalars.prefix(limit)))
  }
}

extension Unicode.Scalar {
  /// What a terminal may take for a command.
  fileprivate var isControl: Bool { properties.generalCategory == .control || properties.isBidiControl }
}
