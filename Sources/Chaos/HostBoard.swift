internal import Cluster
internal import FaultProxy
internal import Rollout
internal import Settings
internal import Synchronization

/// The roles of a run in network namespaces: each is a host with an address, a cable and a switch of its own.
final class HostBoard: Sendable {
  private struct Active {
    let number: Int
    let fault: Fault
  }

  private let hosts: NamespaceHosts
  private let active = Mutex([Active]())

  /// Removes what earlier processes left behind, too.
  init(_ cluster: RunSettings.Cluster, will: LastWill, process: Int32) throws {
    try NamespaceHosts.sweep()
    // Whatever is made from here on has the process in its name.
    will.add(Self.removal(of: process), as: "namespaces")
    hosts = try NamespaceHosts(
      [Role.learner.rawValue] + (0..<cluster.scorers).map { "scorer-\($0)" } + (0..<cluster.workers).map { "worker-\($0)" })
  }

  /// Shell commands that remove the hosts that a process has made.
  static func removal(of process: Int32) -> String {
    """
    for n in $(ip netns list | grep -o "^sophia-\(process)-[^ ]*"); do for p in $(ip netns pids $n); do kill -9 $p; done; \
    ip netns del $n; done
    """
  }

  /// Where a process on its host listens.
  func bind(_ name: String) -> String { "tcp://\((try? hosts.address(of: name)) ?? "127.0.0.1"):0" }

  /// What a command must begin with to run on the host `name`.
  func prefix(_ name: String) -> [String] { (try? hosts.command(in: name, [])) ?? [] }

  func close(_ will: LastWill) {
    if (try? hosts.destroy()) != nil { will.remove("namespaces") }
  }

  /// Begins a cut or a slow cable.
  ///
  /// - Returns: what ends it and says what it did.
  func begin(_ fault: Fault, as number: Int) throws -> @Sendable () -> Proof {
    let name = fault.whom.processName
    let before = try dropped(name)
    try change(name) { $0.append(Active(number: number, fault: fault)) }
    return { [self] in
      do {
        if fault.what == .slow {
          try change(name) { $0.removeAll { $0.number == number } }
          return .found("tc tbf held the cable of \(name) to \(fault.parameters.rate) bytes/s")
        }
        let count = try dropped(name) - before
        try change(name) { $0.removeAll { $0.number == number } }
        return Proof(isFound: count > 0, lines: ["nftables dropped \(count) packets"])
      } catch {
        return .missing("\(error)")
      }
    }
  }

  private func dropped(_ name: String) throws -> Int {
    try LinkDirection.allCases.reduce(0) { $0 + (try hosts.packetsDropped(name, $1)) }
  }

  /// Brings the host into the state that all its faults together ask for.
  private func change(_ name: String, _ change: (inout [Active]) -> Void) throws {
    try active.withLock { active in
      change(&active)
      try hosts.heal(name)
      for fault in active.map(\.fault) where fault.whom.processName == name {
        switch fault.what {
        case .slow: try hosts.setRate(name, bytesPerSecond: fault.parameters.rate)
        case .cut: try hosts.cut(name, fault.parameters.way == .out ? .toServer : .toClient)
        default: for direction in LinkDirection.allCases { try hosts.cut(name, direction) }
        }
      }
    }
  }
}
