package import DurableFiles

/// The version of the protocol between roles. Peers of another version are refused by name.
package let protocolVersion: UInt32 = 4

package enum Role: String, Sendable, Hashable, CaseIterable, Codable {
  case learner, scorer, worker
  /// Is shown the cluster and takes no part in it.
  case observer
}

/// Who sent a message: the name that its key is registered under, and the connection it came by.
///
/// Rights follow from the name alone, which CURVE authenticates; the connection tells two processes with one key apart.
package struct PeerID: Sendable, Hashable, Comparable, CustomStringConvertible {
  package var name: String
  package var connection: String

  package init(name: String, connection: String) {
    self.name = name
    self.connection = connection
  }

  package static func < (left: Self, right: Self) -> Bool {
    (left.name, left.connection) < (right.name, right.connection)
  }

  /// Few peers share a name.
  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
  }

  package var description: String { name }
}

/// A file that a peer needs before it can work: of the policy's or the thinking-reward model's folder.
package struct Artifact: Sendable, Hashable {
  /// Where it belongs: `policy/config.json`, `thinking/model.safetensors`. Two parts, both plain names.
  package var path: String
  package var byteCount: Int
  package var digest: SHA256Digest

  package init(path: String, byteCount: Int, digest: SHA256Digest) {
    self.path = path
    self.byteCount = byteCount
    self.digest = digest
  }
}

/// What a peer says first on a connection.
package struct Hello: Sendable, Hashable {
  package var protocolVersion: UInt32
  package var role: Role
  package var host: String
  package var processID: Int32
  /// Scorers: where workers push groups, `tcp://HOST:PORT`. Empty for workers.
  package var endpoint: String
  /// Scorers: the Z85 public key that workers pin. Empty without CURVE.
  package var publicKey: String

  package init(
    protocolVersion: UInt32 = Rollout.protocolVersion, role: Role, host: String, processID: Int32,
    endpoint: String = "", publicKey: String = ""
  ) {
    self.protocolVersion = protocolVersion
    self.role = role
    self.host = host
    self.processID = processID
    self.endpoint = endpoint
    self.publicKey = publicKey
  }
}

/// A scorer as workers see it.
package struct ScorerAddress: Sendable, Hashable {
  package var name: String
  package var endpoint: String
  package var publicKey: String

  package init(name: String, endpoint: String, publicKey: String) {
    self.name = name
    self.endpoint = endpoint
    self.publicKey = publicKey
  }
}

/// A key that may speak to a scorer.
package struct AllowedPeer: Sendable, Hashable {
  package var name: String
  package var role: Role
  /// Z85.
  package var publicKey: String

  package init(name: String, role: Role, publicKey: String) {
    self.name = name
    self.role = role
    self.publicKey = publicKey
  }
}

/// Everything a peer is told when it joins.
package struct Welcome: Sendable, Hashable {
  package var run: String
  package var incarnation: UInt32
  /// Ports on the learner's host, for the sockets other than the one that was joined.
  package var publishPort: UInt16
  package var dataPort: UInt16
  package var heartbeat: Duration
  /// The run's settings as JSON, the form that `sophia train` accepts.
  package var settings: String
  package var artifacts: [Artifact]
  package var scorers: [ScorerAddress]
  package var allowed: [AllowedPeer]
  /// The version the learner is at; nil for a peer that holds no policy.
  package var manifest: WeightManifest?
  /// Responses of every group, and tokens of the longest: what exceeds them is no group of this run.
  package var groupSize: Int
  package var responseTokens: Int
  /// The learner's clock, seconds since 1970. Nothing depends on it; times in logs do.
  package var clock: Double

  package init(
    run: String, incarnation: UInt32, publishPort: UInt16, dataPort: UInt16, heartbeat: Duration, settings: String,
    artifacts: [Artifact], scorers: [ScorerAddress], allowed: [AllowedPeer], manifest: WeightManifest?, groupSize: Int,
    responseTokens: Int, clock: Double = 0
  ) {
    self.run = run
    self.incarnation = incarnation
    self.publishPort = publishPort
    self.dataPort = dataPort
    self.heartbeat = heartbeat
    self.settings = settings
    self.artifacts = artifacts
    self.scorers = scorers
    self.allowed = allowed
    self.manifest = manifest
    self.groupSize = groupSize
    self.responseTokens = responseTokens
    self.clock = clock
  }
}

/// A sign of life, and what the peer holds: the learner answers what it holds wrongly.
package struct Heartbeat: Sendable, Hashable {
  package var incarnation: UInt32
  /// The policy version a worker samples from; nil before the first.
  package var version: UInt64?
  /// Leases not yet generated that a worker wants to hold, 0 from one that is leaving. From a scorer 1, and 0 until
  /// its engine is prepared and while that seems to hang.
  package var credit: Int
  /// Leases held: waiting, generating, or pushed and not yet durable.
  package var held: [LeaseID]
  /// Share in [0, 1] of the time since the last heartbeat in which the engine worked.
  package var busy: Float
  /// Groups that wait in the process: a worker's to be durable, a scorer's for its engine.
  package var waiting: Int

  package init(
    incarnation: UInt32, version: UInt64?, credit: Int, held: [LeaseID], busy: Float = 0, waiting: Int = 0
  ) {
    self.incarnation = incarnation
    self.version = version
    self.credit = credit
    self.held = held
    self.busy = busy
    self.waiting = waiting
  }
}

/// Asks for one chunk of an artifact, of a policy version or of the delta that leads to it.
package struct Fetch: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    case artifact(SHA256Digest)
    case weights(version: UInt64)
    case delta(version: UInt64)
  }

  package var source: Source
  package var offset: Int
  package var count: Int

  package init(source: Source, offset: Int, count: Int) {
    self.source = source
    self.offset = offset
    self.count = count
  }
}

/// The bytes that a fetch asked for.
package struct Chunk: Sendable, Hashable {
  package var source: Fetch.Source
  package var offset: Int
  package var payload: Payload

  package init(source: Fetch.Source, offset: Int, payload: Payload) {
    self.source = source
    self.offset = offset
    self.payload = payload
  }
}

/// Control plane, to the learner. Indirect, because messages are handed on more often than they are made.
package indirect enum PeerMessage: Sendable, Hashable {
  case hello(Hello)
  case heartbeat(Heartbeat)
  /// The group of this lease has been pushed to a scorer.
  case generated(LeaseID)
  /// The lease cannot be served, for a reason that lies in the task: it counts as an attempt.
  case declined(LeaseID, reason: String)
  case fetch(Fetch)
  /// The peer leaves; its leases are free at once.
  case bye(reason: String)
  /// All that an observer says, and nobody else does. It needs no hello.
  case look(Look, protocolVersion: UInt32)
}

/// Control plane, from the learner.
package indirect enum LearnerMessage: Sendable, Hashable {
  case welcome(Welcome)
  /// The peer may not join; it ends with this reason.
  case refused(reason: String)
  /// Tells a peer the learner does not know that it must say hello (again).
  case helloWanted
  case heartbeat
  case lease(Lease)
  /// Groups of these leases are durable: the worker may let them go.
  case durable([LeaseID])
  /// These leases are not the worker's (any more): it lets them go.
  case revoked([LeaseID])
  case chunk(Chunk)
  /// The bytes asked for are not there (any more).
  case gone(Fetch.Source)
  case scorers([ScorerAddress])
  /// The learner ends. Where the run is not complete, the peer is wanted again when it goes on.
  case shutdown(reason: String, isComplete: Bool)
  case cluster(ClusterSnapshot)
  case story(UnitStory)
}

/// Broadcast, learner to workers. Bytes are never broadcast: each worker fetches as fast as its own link carries.
package enum Publication: Sendable, Hashable {
  case announced(WeightManifest)
}
