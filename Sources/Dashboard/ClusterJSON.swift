internal import Foundation
package import Rollout

/// A snapshot of a cluster for scripts. Keys keep their names and meanings: new ones may come, and `format` grows when an old one
/// changes or goes. A number that is none (NaN, infinite) is null.
package struct ClusterJSON: Encodable {
  package static let format = 1

  /// The keys, for `--help`.
  package static let keys = """
      format            \(format); grows when a key changes its meaning or goes
      at                seconds since 1970 when the answer came
      run, incarnation  name of the run; starts of its learner
      step, total_steps steps trained; steps of the run
      next_step         of the step that is trained next: .wanted units, .ready
                        those that need not be waited for any more
      learner           .host .pid .uptime_s .is_training .activity (words)
                        .idle_share (0 to 1)
      groups_per_s      groups made durable
      tokens_per_s      tokens of their responses
      units             count by state: .queued .leased .generated .scored
                        .admitted .trained .dead_lettered
      refusals          groups refused since this incarnation began
      duplicates        groups that came twice since then
      max_staleness     steps that a sample's policy may be behind
      peers             list of .name .role (worker, scorer) .host .pid
                        .state (joining, idle, working, full, doubted)
                        .version .behind (null where there is none)
                        .credit .leases .waiting .idle_share (0 to 1)
                        .tokens_per_s .groups .silence_s (since its last word)
    """

  private let snapshot: ClusterSnapshot
  private let at: Double

  /// - Parameter at: when it came, seconds since 1970.
  package init(_ snapshot: ClusterSnapshot, at: Double) {
    self.snapshot = snapshot
    self.at = at
  }

  /// One line.
  package func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var object = encoder.container(keyedBy: Key.self)
    try object.encode(Self.format, forKey: "format")
    try object.encode(number: at, forKey: "at")
    try object.encode(snapshot.run, forKey: "run")
    try object.encode(snapshot.incarnation, forKey: "incarnation")
    try object.encode(snapshot.step, forKey: "step")
    try object.encode(snapshot.totalSteps, forKey: "total_steps")
    try object.encode(number: snapshot.groupsPerSecond, forKey: "groups_per_s")
    try object.encode(number: snapshot.tokensPerSecond, forKey: "tokens_per_s")
    try object.encode(snapshot.refusals, forKey: "refusals")
    try object.encode(snapshot.duplicates, forKey: "duplicates")
    try object.encode(snapshot.staleness, forKey: "max_staleness")

    var next = object.nestedContainer(keyedBy: Key.self, forKey: "next_step")
    try next.encode(snapshot.promptsPerStep, forKey: "wanted")
    try next.encode(snapshot.ready, forKey: "ready")

    var learner = object.nestedContainer(keyedBy: Key.self, forKey: "learner")
    try learner.encode(snapshot.host, forKey: "host")
    try learner.encode(snapshot.processID, forKey: "pid")
    try learner.encode(number: snapshot.uptime, forKey: "uptime_s")
    try learner.encode(snapshot.isTraining, forKey: "is_training")
    try learner.encode(snapshot.activity, forKey: "activity")
    try learner.encode(number: snapshot.idleShare, forKey: "idle_share")

    var units = object.nestedContainer(keyedBy: Key.self, forKey: "units")
    for state in UnitState.allCases { try units.encode(snapshot.count(state), forKey: Key(state.identifier)) }

    var peers = object.nestedUnkeyedContainer(forKey: "peers")
    for peer in snapshot.peers {
      var row = peers.nestedContainer(keyedBy: Key.self)
      try row.encode(peer.name, forKey: "name")
      try row.encode(peer.role.rawValue, forKey: "role")
      try row.encode(peer.host, forKey: "host")
      try row.encode(peer.processID, forKey: "pid")
      try row.encode(peer.state.rawValue, forKey: "state")
      try row.encode(peer.version, forKey: "version")
      try row.encode(peer.behind(step: snapshot.step), forKey: "behind")
      try row.encode(peer.credit, forKey: "credit")
      try row.encode(peer.leases, forKey: "leases")
      try row.encode(peer.waiting, forKey: "waiting")
      try row.encode(number: peer.idleShare, forKey: "idle_share")
      try row.encode(number: peer.tokensPerSecond, forKey: "tokens_per_s")
      try row.encode(peer.groups, forKey: "groups")
      try row.encode(number: peer.silence, forKey: "silence_s")
    }
  }
}

extension UnitState {
  /// As programs spell it.
  var identifier: String { self == .deadLettered ? "dead_lettered" : rawValue }
}

private struct Key: CodingKey, ExpressibleByStringLiteral {
  let stringValue: String
  var intValue: Int? { nil }

  init(_ name: String) { stringValue = name }
  init(stringLiteral name: String) { stringValue = name }
  init?(stringValue name: String) { stringValue = name }
  init?(intValue: Int) { nil }
}

extension KeyedEncodingContainer where K == Key {
  /// JSON has no NaN.
  fileprivate mutating func encode(number: Double, forKey key: Key) throws {
    try encode(number.isFinite ? number : nil, forKey: key)
  }
}
