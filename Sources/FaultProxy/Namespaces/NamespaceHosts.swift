internal import Foundation
internal import Synchronization

/// Hosts of a network of their own on one machine: network namespaces whose `eth0` meet at a bridge.
///
/// The bridge lives in a namespace too, so the machine's own interfaces, routes and rules stay as they are, and the addresses,
/// 10.213.0.1 and on in the order of the names, are known inside alone. Each set of hosts is a network of its own. Needs root,
/// and the programs of `NetworkTool`.
package final class NamespaceHosts: Sendable {
  struct Host {
    let name: NamespaceName
    let address: String
    /// The bridge's end of the cable.
    let port: String
  }

  package var names: [String] { table.withLock(\.names) }
  var hosts: [String: Host] { table.withLock(\.hosts) }

  struct State {
    var cuts: Set<Cut> = []
    var isDestroyed = false
  }

  private static let sets = Atomic<Int>(0)
  /// What the addresses have in common, and how many of them there are.
  private static let network = (prefix: "10.213.0.", bits: 24, hosts: 250)
  static let interface = "eth0"

  private let table: Mutex<(names: [String], hosts: [String: Host])>
  /// The namespace of the bridge.
  let hub: NamespaceName
  let state = Mutex(State())

  /// - Parameter names: each of small letters, digits and hyphens; not `hub`.
  /// - Throws: `FaultProxyError`, `fault-proxy.not-root`, `.tool-missing`, `.bad-host` or `.tool-failed`. Nothing is left then.
  package init(_ names: [String]) throws {
    try Self.checkUser(geteuid())
    for tool in NetworkTool.allCases { _ = try tool.path() }
    let set = Self.sets.add(1, ordering: .relaxed).newValue
    hub = NamespaceName(process: getpid(), set: set, host: "hub")
    table = Mutex(([], [:]))
    do {
      try createHub()
      for name in names { try add(name) }
    } catch {
      try? destroy()
      throw error
    }
  }

  /// Makes another host.
  ///
  /// - Throws: `fault-proxy.bad-host` or `.tool-failed`.
  package func add(_ name: String) throws {
    let host = try table.withLock { table throws(FaultProxyError) in
      let number = table.names.count
      guard Self.isName(name), table.hosts[name] == nil, number < Self.network.hosts else {
        throw FaultProxyError(
          code: "bad-host", message: "\"\(name)\" cannot be the name of host \(number + 1)",
          advice: "use at most \(Self.network.hosts) different names of small letters, digits and hyphens, other than hub")
      }
      let host = Host(
        name: NamespaceName(process: hub.process, set: hub.set, host: name), address: "\(Self.network.prefix)\(number + 1)",
        port: "port\(number)")
      table.names.append(name)
      table.hosts[name] = host
      return host
    }
    try create(host)
  }

  deinit {
    try? destroy()
  }

  /// - Throws: `fault-proxy.unknown-host`.
  package func address(of host: String) throws -> String { try self[host].address }

  /// What `ip netns` calls the host.
  ///
  /// - Throws: `fault-proxy.unknown-host`.
  package func namespace(of host: String) throws -> String { try self[host].name.text }

  /// The arguments, the program's absolute path first, that run a program on a host. They replace themselves by it, so its
  /// process is the one that was started.
  ///
  /// - Throws: `fault-proxy.unknown-host` or `.tool-missing`.
  package func command(in host: String, _ argv: [String]) throws -> [String] {
    [try NetworkTool.nsenter.path(), "--net=\(try self[host].name.path)"] + argv
  }

  /// Removes the hosts and kills what runs on them. A second call does nothing.
  package func destroy() throws {
    try state.withLock { state in
      guard !state.isDestroyed else { return }
      for name in hosts.values.map(\.name) + [hub] { try name.remove() }
      state.isDestroyed = true
    }
  }

  /// Removes what processes that no longer live have left, and kills what runs there.
  ///
  /// - Returns: the names of the namespaces.
  @discardableResult
  package static func sweep() throws -> [String] {
    let leftovers = NamespaceName.all.filter(\.isLeftover)
    for name in leftovers { try name.remove() }
    return leftovers.map(\.text)
  }

  /// Why this user cannot have such hosts on this machine, found out by making one and trying each fault. Nil: it works.
  package static func obstacle() -> FaultProxyError? {
    do {
      let trial = try NamespaceHosts(["trial"])
      try trial.setRate("trial", bytesPerSecond: 1_000_000)
      try trial.cut("trial", .toServer)
      try trial.heal("trial")
      try trial.destroy()
      return nil
    } catch {
      return error as? FaultProxyError ?? FaultProxyError(code: "failed", message: "\(error)", advice: "see the reason")
    }
  }

  static func checkUser(_ user: UInt32) throws(FaultProxyError) {
    guard user != 0 else { return }
    throw FaultProxyError(
      code: "not-root", message: "hosts in network namespaces need root",
      advice: "run as root, or use links on loopback addresses, which do not need it")
  }

  subscript(host: String) -> Host {
    get throws(FaultProxyError) {
      if let host = hosts[host] { return host }
      throw FaultProxyError(
        code: "unknown-host", message: "there is no host \(host)", advice: "hosts are \(names.joined(separator: ", "))")
    }
  }

  private static func isName(_ name: String) -> Bool {
    name != "hub" && !name.isEmpty && name.utf8.count <= 60
      && name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
  }

  private func createHub() throws {
    try NetworkTool.ip.run(["netns", "add", hub.text])
    try inHub("link", "add", "bridge", "type", "bridge")
    try inHub("link", "set", "bridge", "up")
    try addTable()
  }

  private func create(_ host: Host) throws {
    try NetworkTool.ip.run(["netns", "add", host.name.text])
    try inHub("link", "add", host.port, "type", "veth", "peer", "name", Self.interface, "netns", host.name.text)
    try inHub("link", "set", host.port, "master", "bridge", "up")
    let inHost = ["-n", host.name.text]
    try NetworkTool.ip.run(inHost + ["addr", "add", "\(host.address)/\(Self.network.bits)", "dev", Self.interface])
    try NetworkTool.ip.run(inHost + ["link", "set", Self.interface, "up"])
    try NetworkTool.ip.run(inHost + ["link", "set", "lo", "up"])
    try addCounters(of: host)
  }

  func inHub(_ arguments: String...) throws(FaultProxyError) {
    try NetworkTool.ip.run(["-n", hub.text] + arguments)
  }
}
