internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout

extension WireWelcome {
  init(_ welcome: Welcome) {
    self.init()
    run = welcome.run
    incarnation = welcome.incarnation
    publishPort = UInt32(welcome.publishPort)
    dataPort = UInt32(welcome.dataPort)
    let (seconds, attoseconds) = welcome.heartbeat.components
    heartbeatNanoseconds = UInt64(max(0, seconds * 1_000_000_000 + attoseconds / 1_000_000_000))
    settings = welcome.settings
    artifacts = welcome.artifacts.map { artifact in
      WireArtifact.with {
        $0.path = artifact.path
        $0.byteCount = UInt64(artifact.byteCount)
        $0.digest = Data(artifact.digest.bytes)
      }
    }
    scorers = welcome.scorers.map { WireScorerAddress($0) }
    allowed = welcome.allowed.map { peer in
      WireAllowedPeer.with {
        $0.name = peer.name
        $0.role = peer.role.rawValue
        $0.publicKey = peer.publicKey
      }
    }
    if let manifest = welcome.manifest { self.manifest = WireWeightManifest(manifest) }
    groupSize = UInt32(clamping: welcome.groupSize)
    responseTokens = UInt32(clamping: welcome.responseTokens)
    clock = welcome.clock
  }
}

extension Welcome {
  init(_ wire: WireWelcome, _ limits: Limits) throws(WireError) {
    try limits.check("the length of the settings", wire.settings.utf8.count, limits.messages.problemText)
    try limits.check("the number of model files", wire.artifacts.count, limits.messages.artifacts)
    try limits.check("the number of scorers", wire.scorers.count, limits.messages.peers)
    try limits.check("the number of keys", wire.allowed.count, limits.messages.peers)
    guard let publishPort = UInt16(exactly: wire.publishPort), let dataPort = UInt16(exactly: wire.dataPort) else {
      throw .malformed("welcome", "a port beyond 65535")
    }
    let day: UInt64 = 86_400_000_000_000
    guard wire.heartbeatNanoseconds <= day else { throw .malformed("welcome", "a heartbeat of more than a day") }
    try limits.check("the size of a group", Int(wire.groupSize), limits.messages.groupSize)
    try limits.check("the tokens of a response", Int(wire.responseTokens), limits.messages.responseTokens)
    guard wire.groupSize >= 1, wire.responseTokens >= 1 else {
      throw .malformed("welcome", "groups without responses or responses without tokens")
    }
    self.init(
      run: try limits.name(wire.run), incarnation: wire.incarnation, publishPort: publishPort, dataPort: dataPort,
      heartbeat: .nanoseconds(Int64(wire.heartbeatNanoseconds)), settings: wire.settings,
      artifacts: try limits.each(wire.artifacts, Artifact.init),
      scorers: try limits.each(wire.scorers, ScorerAddress.init),
      allowed: try limits.each(wire.allowed, AllowedPeer.init),
      manifest: wire.hasManifest ? try WeightManifest(wire.manifest, limits) : nil, groupSize: Int(wire.groupSize),
      responseTokens: Int(wire.responseTokens), clock: wire.clock.isFinite ? wire.clock : 0)
  }
}

extension Artifact {
  init(_ wire: WireArtifact, _ limits: Limits) throws(WireError) {
    let parts = wire.path.split(separator: "/", omittingEmptySubsequences: false)
    let isPlain = parts.count == 2 && parts.allSatisfy { part in
      !part.isEmpty && !part.hasPrefix(".") && part.utf8.allSatisfy { UInt8(ascii: "!") <= $0 && $0 < 127 }
    }
    guard isPlain, wire.path.utf8.count <= limits.messages.name else {
      throw .malformed("welcome", "a model file is named '\(limits.text(wire.path))', not FOLDER/FILE")
    }
    self.init(
      path: wire.path, byteCount: try limits.size("the size of a model file", wire.byteCount, limits.messages.artifact),
      digest: try Wire.digest(wire.digest))
  }
}

extension WireScorerAddress {
  init(_ scorer: ScorerAddress) {
    self.init()
    name = scorer.name
    endpoint = scorer.endpoint
    publicKey = scorer.publicKey
  }
}

extension ScorerAddress {
  init(_ wire: WireScorerAddress, _ limits: Limits) throws(WireError) {
    self.init(
      name: try limits.name(wire.name), endpoint: try limits.name(wire.endpoint),
      publicKey: try limits.name(wire.publicKey))
  }
}

extension AllowedPeer {
  init(_ wire: WireAllowedPeer, _ limits: Limits) throws(WireError) {
    self.init(
      name: try limits.name(wire.name), role: try limits.role(wire.role), publicKey: try limits.name(wire.publicKey))
  }
}
