internal import Cluster
internal import DurableFiles
internal import FaultProxy
internal import Foundation
internal import Rollout
internal import Runs
internal import Synchronization

/// The fault links of a run: one from each worker and scorer to the learner, and one from all workers to each scorer. Each
/// has a loopback address of its own.
final class LinkBoard: Sendable {
  /// One link, and which of its ways leads out of the process that it belongs to.
  struct Member: Sendable {
    let link: FaultLink
    /// `worker-0`, `scorer-1`.
    let owner: String
    /// Whether the other end is the learner.
    let leadsToLearner: Bool

    /// The direction of what `name` sends.
    func out(of name: String) -> LinkDirection {
      if name == owner { return leadsToLearner ? .toServer : .toClient }
      return leadsToLearner ? .toClient : .toServer
    }

    func touches(_ name: String) -> Bool { name == owner || (leadsToLearner && name == Role.learner.rawValue) }
  }

  private struct Active {
    let number: Int
    let name: String
    let way: Fault.Way?
    let condition: LinkCondition
  }

  private struct State {
    var members: [Member] = []
    var active: [Active] = []
    var scorerPorts: [Int: UInt16] = [:]
    var learner: LearnerAddresses?
  }

  private let seed: UInt64
  private let state = Mutex(State())

  init(seed: UInt64) {
    self.seed = seed
  }

  // MARK: Wiring

  /// Opens the link of `peer` to a learner.
  ///
  /// - Returns: what the peer joins.
  func join(_ peer: LocalProcess, _ learner: LearnerAddresses) throws -> String {
    try state.withLock { state in
      state.learner = learner
      let address = "127.0.\(peer.role == .worker ? 1 : 2).\(peer.index + 1)"
      let server = Self.host(of: learner.control)
      let joined = "tcp://\(address):\(Self.port(of: learner.control))"
      if let known = state.members.first(where: { $0.owner == peer.name && $0.leadsToLearner }) {
        try Self.open(known.link, learner)
        return joined
      }
      let link = try FaultLink(
        name: "\(peer.name) to the learner", address: address, server: server, seed: seed &+ UInt64(state.members.count))
      try Self.open(link, learner)
      state.members.append(Member(link: link, owner: peer.name, leadsToLearner: true))
      Self.apply(state)
      return joined
    }
  }

  /// Opens the link of all workers to a scorer, once.
  ///
  /// - Returns: where the scorer binds and what it announces.
  func scorer(_ scorer: LocalProcess) throws -> (bind: String, advertised: String) {
    try state.withLock { state in
      let address = "127.0.3.\(scorer.index + 1)"
      if let port = state.scorerPorts[scorer.index] { return ("tcp://127.0.0.1:\(port)", "tcp://\(address):\(port)") }
      let port = try freePort()
      let link = try FaultLink(
        name: "workers to \(scorer.name)", address: address, server: "127.0.0.1", seed: seed &+ UInt64(state.members.count))
      try link.open(port: port)
      state.scorerPorts[scorer.index] = port
      state.members.append(Member(link: link, owner: scorer.name, leadsToLearner: false))
      Self.apply(state)
      return ("tcp://127.0.0.1:\(port)", "tcp://\(address):\(port)")
    }
  }

  /// A learner that started again listens at other ports, which the links must lead to as well.
  func follow(_ folder: RunFolder) async {
    while !Task.isCancelled {
      if let learner = folder.learnerAddresses {
        state.withLock { state in
          guard let known = state.learner, known != learner else { return }
          state.learner = learner
          for member in state.members where member.leadsToLearner { try? Self.open(member.link, learner) }
        }
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  func close() {
    for member in state.withLock({ $0.members }) { member.link.close() }
  }

  // MARK: Faults

  /// The links that `name` sends or receives on.
  func members(of name: String) -> [Member] { state.withLock { $0.members.filter { $0.touches(name) } } }

  /// Sets a condition on all links of `name`, on top of those that hold already, also for links that are made later.
  ///
  /// - Parameter way: as seen from `name`; nil for both.
  func begin(_ condition: LinkCondition, on name: String, _ way: Fault.Way?, as number: Int) {
    state.withLock { state in
      state.active.append(Active(number: number, name: name, way: way, condition: condition))
      Self.apply(state)
    }
  }

  func end(_ number: Int) {
    state.withLock { state in
      state.active.removeAll { $0.number == number }
      Self.apply(state)
    }
  }

  func counts(of name: String) -> LinkCounts {
    members(of: name).reduce(into: LinkCounts()) { $0 += $1.link.counts }
  }

  private static func apply(_ state: State) {
    for member in state.members {
      for direction in LinkDirection.allCases {
        var condition = LinkCondition.clear
        for active in state.active where member.touches(active.name) {
          let out = member.out(of: active.name)
          let wanted = active.way.map { $0 == .out ? out : out.opposite }
          if wanted == nil || wanted == direction { condition.add(active.condition) }
        }
        member.link.set(condition, direction)
      }
    }
  }

  private static func open(_ link: FaultLink, _ learner: LearnerAddresses) throws {
    for port in [port(of: learner.control), learner.publish, learner.data] { try link.open(port: port) }
  }

  private static func port(of endpoint: String) -> UInt16 {
    endpoint.lastIndex(of: ":").flatMap { UInt16(endpoint[endpoint.index(after: $0)...]) } ?? 0
  }

  private static func host(of endpoint: String) -> String {
    String(endpoint.dropFirst("tcp://".count).prefix { $0 != ":" })
  }
}

extension LinkDirection {
  fileprivate var opposite: LinkDirection { self == .toServer ? .toClient : .toServer }
}

extension LinkCondition {
  /// Both hold.
  fileprivate mutating func add(_ other: LinkCondition) {
    delay += other.delay
    jitter += other.jitter
    bytesPerSecond = [bytesPerSecond, other.bytesPerSecond].compactMap { $0 }.min()
    isCut = isCut || other.isCut
    corruption = max(corruption, other.corruption)
  }
}

extension LinkCounts {
  static func += (sum: inout LinkCounts, other: LinkCounts) {
    for field in Self.fields { sum[keyPath: field] += other[keyPath: field] }
  }

  static func - (a: LinkCounts, b: LinkCounts) -> LinkCounts {
    var difference = a
    for field in fields { difference[keyPath: field] -= b[keyPath: field] }
    return difference
  }

  private static var fields: [WritableKeyPath<LinkCounts, Int>] {
    [
      \.connections, \.bytesToServer, \.bytesToClient, \.bytesDelayed, \.bytesHeld, \.bytesCorrupted, \.bytesSwallowed,
      \.frozen, \.resets, \.refused, \.withoutServer, \.pausesForRate,
    ]
  }
}

/// A port of 127.0.0.1 that nobody listens at now.
private func freePort() throws -> UInt16 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { throw FileError("socket", path: "127.0.0.1", errno: errno) }
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
      bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
    }
  }
  guard status == 0 else { throw FileError("bind", path: "127.0.0.1", errno: errno) }
  return UInt16(bigEndian: address.sin_port)
}
