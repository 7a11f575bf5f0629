package import Cluster
internal import FaultProxy
internal import Foundation
internal import Rollout

/// The roles of a run spread over hosts of their own on this machine: network namespaces that are joined by a switch.
///
/// The learner has the first host, scorers the second where there are three or more, and workers take turns on the others.
/// The hosts are there for as long as this lives, and go with the process if it is killed.
package final class HostWiring: ClusterWiring {
  private let hosts: NamespaceHosts
  private let will: LastWill

  /// - Parameter will: a file for what is to be put right if this process is killed.
  /// - Throws: what keeps this user or machine from having such hosts.
  package init(hosts count: Int, will path: String) throws {
    try NamespaceHosts.sweep()
    will = try LastWill(path: path)
    will.add(HostBoard.removal(of: getpid()), as: "namespaces")
    hosts = try NamespaceHosts((1...count).map { "host-\($0)" })
  }

  /// Removes the hosts, and what runs on them.
  package func close() {
    if (try? hosts.destroy()) != nil { will.remove("namespaces") }
    will.execute()
  }

  /// Each host with its address and the name by which `ip netns` knows it.
  package var table: [(host: String, address: String, namespace: String)] {
    hosts.names.map { name in (name, (try? hosts.address(of: name)) ?? "", (try? hosts.namespace(of: name)) ?? "") }
  }

  /// The host of a process.
  package func host(of process: LocalProcess) -> String {
    let names = hosts.names
    switch process.role {
    case .worker:
      let others = names.dropFirst(min(2, names.count - 1))
      return others[others.startIndex + process.index % others.count]
    case .scorer: return names.count >= 3 ? names[1] : names[0]
    case .learner, .observer: return names[0]
    }
  }

  package func bind(_ setting: String) -> String { address(hosts.names[0]) }

  package func command(for process: LocalProcess) -> LocalProcess {
    var process = process
    let host = host(of: process)
    process.prefix = (try? hosts.command(in: host, [])) ?? []
    if process.role == .scorer { process.arguments += ["--bind", address(host)] }
    return process
  }

  private func address(_ host: String) -> String { "tcp://\((try? hosts.address(of: host)) ?? "127.0.0.1"):0" }
}
