internal import Foundation
internal import Synchronization

/// What is done to the network of one host. Directions are the host's own: `toServer` is what it sends, `toClient` what it
/// gets.
///
/// All of it happens at the bridge, as it would in a switch, except for the rate of what a host sends.
extension NamespaceHosts {
  struct Cut: Hashable {
    let port: String
    let direction: LinkDirection

    var counter: String { "\(port)_\(direction.rawValue)" }
    /// Only IPv4 is counted: of IPv6 there is nothing but what kernels tell one another unasked.
    var rules: [String] {
      let packets = "\(direction == .toServer ? "iifname" : "oifname") \"\(port)\""
      return ["\(packets) meta protocol ip counter name \"\(counter)\"", "\(packets) drop"]
    }
  }

  private static let table = "bridge faults"

  /// Makes the host's cable slow, both ways alike. Nil: as fast as the machine.
  ///
  /// - Throws: `FaultProxyError`, as all of these do: `fault-proxy.unknown-host` or `.tool-failed`.
  package func setRate(_ host: String, bytesPerSecond: Int?) throws {
    let host = try self[host]
    for (namespace, interface) in [(host.name, Self.interface), (hub, host.port)] {
      let place = ["-n", namespace.text, "qdisc"]
      if let rate = bytesPerSecond.map({ max(1, $0) }) {
        // A packet must fit into the burst. The queue is a quarter of a second long, so that a slow link is not a late one.
        let (burst, limit) = (max(rate / LinkLimits.burstsPerSecond, 2048), max(rate / 4, LinkLimits.fewestWaitingBytes))
        try NetworkTool.tc.run(
          place + ["replace", "dev", interface, "root", "tbf", "rate", "\(rate)bps", "burst", "\(burst)", "limit", "\(limit)"])
      } else if try NetworkTool.tc.run(place + ["show", "dev", interface]).contains("tbf") {
        try NetworkTool.tc.run(place + ["del", "dev", interface, "root"])
      }
    }
  }

  /// What the host sends, or what it gets, is lost from now on.
  package func cut(_ host: String, _ direction: LinkDirection) throws {
    let cut = Cut(port: try self[host].port, direction: direction)
    try changeCuts { $0.insert(cut) }
  }

  /// Pulls the host's cable out, or puts it in again.
  package func setLink(_ host: String, isUp: Bool) throws {
    try inHub("link", "set", try self[host].port, isUp ? "up" : "down")
  }

  /// No rate, no cut, and the cable is in.
  package func heal(_ host: String) throws {
    let port = try self[host].port
    try changeCuts { cuts in cuts = cuts.filter { $0.port != port } }
    try setRate(host, bytesPerSecond: nil)
    try setLink(host, isUp: true)
  }

  /// How many IPv4 packets cuts have dropped: the proof that they acted.
  package func packetsDropped(_ host: String, _ direction: LinkDirection) throws -> Int {
    struct Listing: Decodable {
      struct Entry: Decodable {
        struct Counter: Decodable {
          let name: String
          let packets: Int
        }
        let counter: Counter?
      }
      let nftables: [Entry]
    }
    let counter = Cut(port: try self[host].port, direction: direction).counter
    let text = try nft("-j", "list counters table \(Self.table)")
    let listing = try JSONDecoder().decode(Listing.self, from: Data(text.utf8))
    return listing.nftables.compactMap(\.counter).first { $0.name == counter }?.packets ?? 0
  }

  func addTable() throws(FaultProxyError) {
    try nft("add table \(Self.table); add chain \(Self.table) forward { type filter hook forward priority 0; }")
  }

  /// Counters outlive the rules that use them.
  func addCounters(of host: Host) throws(FaultProxyError) {
    let commands = LinkDirection.allCases.map { "add counter \(Self.table) \(Cut(port: host.port, direction: $0).counter)" }
    try nft(commands.joined(separator: "; "))
  }

  private func changeCuts(_ change: (inout Set<Cut>) -> Void) throws {
    try state.withLock { state in
      var cuts = state.cuts
      change(&cuts)
      guard cuts != state.cuts else { return }
      // One call is one transaction: no packet slips through between two sets of rules.
      let rules = cuts.sorted { $0.counter < $1.counter }.flatMap(\.rules).map { "add rule \(Self.table) forward \($0)" }
      try nft((["flush chain \(Self.table) forward"] + rules).joined(separator: "; "))
      state.cuts = cuts
    }
  }

  @discardableResult
  private func nft(_ arguments: String...) throws(FaultProxyError) -> String {
    try NetworkTool.nsenter.run(["--net=\(hub.path)", try NetworkTool.nft.path()] + arguments)
  }
}
