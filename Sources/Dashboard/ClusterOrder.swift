package import Rollout

/// By what the roles of a cluster are sorted.
package struct ClusterOrder: Sendable, Hashable {
  package enum Key: String, Sendable, Hashable, CaseIterable {
    case name
    /// Those first that somebody should look at.
    case state
    /// Those first whose policy is the oldest.
    case staleness
    /// The fastest first.
    case tokens
    /// The idlest first.
    case idle
    /// Those first that have been silent longest.
    case heard
  }

  package var key: Key
  package var isReversed: Bool

  package init(_ key: Key = .name, isReversed: Bool = false) {
    self.key = key
    self.isReversed = isReversed
  }

  /// - Parameter step: the version of the learner's policy.
  func sorted(_ peers: [ObservedPeer], step: UInt32) -> [ObservedPeer] {
    let ranked = peers.map { (peer: $0, rank: rank(of: $0, step: step)) }
    let sorted = ranked.sorted { one, other in
      if one.rank != other.rank { return isReversed ? one.rank > other.rank : one.rank < other.rank }
      // So that rows keep their places from one look to the next.
      let isBefore = Self.identity(one.peer) < Self.identity(other.peer)
      return isReversed && key == .name ? Self.identity(other.peer) < Self.identity(one.peer) : isBefore
    }
    return sorted.map(\.peer)
  }

  private func rank(of peer: ObservedPeer, step: UInt32) -> Double {
    switch key {
    case .name: 0
    case .state: Double(Self.concern.firstIndex(of: peer.state) ?? Self.concern.count)
    case .staleness: -(peer.behind(step: step).map { Double($0) } ?? -1)
    case .tokens: -number(peer.tokensPerSecond)
    case .idle: -number(peer.idleShare)
    case .heard: -number(peer.silence)
    }
  }

  private func number(_ value: Double) -> Double { value.isFinite ? value : -1 }

  private static let concern: [ObservedPeer.State] = [.doubted, .full, .joining, .idle, .working]

  private static func identity(_ peer: ObservedPeer) -> (Spelling, Spelling, String, Int32) {
    (Spelling(text: peer.name), Spelling(text: peer.role.rawValue), peer.host, peer.processID)
  }
}

/// Names in the order in which people count: `worker-2` before `worker-10`.
private struct Spelling: Comparable {
  let text: String

  static func < (one: Self, other: Self) -> Bool {
    var (left, right) = (one.text.utf8[...], other.text.utf8[...])
    while let a = left.first, let b = right.first {
      if isDigit(a), isDigit(b) {
        let (first, second) = (number(&left), number(&right))
        if first.count != second.count { return first.count < second.count }
        if let (x, y) = zip(first, second).first(where: { $0 != $1 }) { return x < y }
      } else {
        guard a == b else { return a < b }
        left.removeFirst()
        right.removeFirst()
      }
    }
    if left.isEmpty != right.isEmpty { return left.isEmpty }
    // They differ in leading zeros, if at all.
    return one.text < other.text
  }

  private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

  /// Takes the digits off, and gives those that count.
  private static func number(_ text: inout Substring.UTF8View) -> Substring.UTF8View {
    let digits = text.prefix(while: isDigit)
    text = text.dropFirst(digits.count)
    return digits.drop { $0 == 0x30 }
  }
}

/// Which roles of a cluster are shown.
package struct ClusterFilter: Sendable, Hashable {
  /// Nil for all.
  package var role: Role?
  /// Of a name, a host with its process, or a state; large and small letters are the same.
  package var text: String

  package init(role: Role? = nil, text: String = "") {
    self.role = role
    self.text = text
  }

  var isOpen: Bool { role == nil && text.isEmpty }

  func shown(of peers: [ObservedPeer]) -> [ObservedPeer] {
    if isOpen { return peers }
    let wanted = text.lowercased()
    return peers.filter { peer in
      guard role == nil || peer.role == role else { return false }
      return wanted.isEmpty
        || [peer.name, peer.place, peer.state.rawValue].contains { $0.lowercased().contains(wanted) }
    }
  }
}
