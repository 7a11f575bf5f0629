import FaultProxy
import Foundation
import RunStore
import Testing

/// Found out once: it takes a moment.
private let obstacle = NamespaceHosts.obstacle()

/// A run across hosts that have addresses and cables of their own.
@Suite(
  .serialized, .enabled(if: obstacle == nil, "this user or machine cannot have hosts of its own: \(obstacle?.description ?? "")"))
struct HostsTests {
  @Test("four hosts, one of which is cut off and comes back, and a fifth that joins, give the bits of one host")
  func cutAndJoined() throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let hosts = try NamespaceHosts(["learner", "scorer", "worker-a", "worker-b"])
    defer { try? hosts.destroy() }
    func on(_ host: String) throws -> [String] { try hosts.command(in: host, []) }
    let roles = try RolesByHand("hosts", in: world)
    defer { roles.end() }
    let (workers, scorers) = (try roles.invite("workers", as: .worker), try roles.invite("scorers", as: .scorer))

    let learner = try roles.learner(at: "tcp://\(hosts.address(of: "learner")):5555", by: on("learner"))
    _ = try roles.join(
      "scorer", "hosts-scorer", with: scorers, by: on("scorer"), options: ["--bind", "tcp://0.0.0.0:5600"])
    // Each stops itself with leases in its hands, so that the run cannot be over before its turn.
    let faults = (0..<2).map { _ in Fault(.stop, "worker", "leased", in: world) }
    let a = try roles.join("worker", "hosts-a", with: workers, by: on("worker-a"), fault: faults[0])
    let b = try roles.join("worker", "hosts-b", with: workers, by: on("worker-b"), fault: faults[1])
    try eventually("both hold leases") { faults.allSatisfy(\.hasStruck) && isStopped(a.pid) && isStopped(b.pid) }

    try hosts.setLink("worker-a", isUp: false)
    a.signal(SIGCONT)
    try eventually("the host that is cut off is missed") { learner.log.contains("worker workers has not been heard of") }

    // The fifth does two groups and stops too: there is something left for those that come back.
    try hosts.add("worker-c")
    let third = Fault(.stop, "worker", "leased", after: 2, in: world)
    let c = try roles.join("worker", "hosts-c", with: workers, by: on("worker-c"), fault: third)
    try eventually("the fifth has done two groups") { third.hasStruck && isStopped(c.pid) }
    #expect(learner.isRunning)

    let before = joins(learner)
    try hosts.setLink("worker-a", isUp: true)
    try eventually("the host that was cut off is back") { joins(learner) > before }
    for worker in [b, c] { worker.signal(SIGCONT) }
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("hosts")
    let addresses = try String(contentsOfFile: roles.folder.endpoint, encoding: .utf8).split(separator: "\n")
    #expect([addresses[0], addresses[2], addresses[3]] == ["tcp://10.213.0.1:5555", "tcp://10.213.0.1:5556", "tcp://10.213.0.1:5557"])
  }

  private func joins(_ learner: RoleByHand) -> Int { learner.log.split(separator: "\n").count { $0.contains("worker workers joined") } }

  @Test("sophia hosts runs a whole run on three hosts and leaves none behind")
  func command() throws {
    let undisturbed = try UndisturbedRun.shared
    let settings = try undisturbed.world.settings(of: "hosted", workers: 2, UndisturbedRun.overrides)
    let outcome = try undisturbed.world.sophia(["hosts", "3"] + settings, log: "hosted")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("host-2  10.213.0.2") && outcome.output.contains("worker-0 worker-1"), "\(outcome.output)")
    try undisturbed.expectSame("hosted")
    let names = try FileManager.default.contentsOfDirectory(atPath: "/run/netns")
    for name in names where name.hasPrefix("sophia-") {
      #expect(name.split(separator: "-").dropFirst().first.flatMap { Int32($0) }.map { kill($0, 0) == 0 } == true, "\(name) is left")
    }
  }
}
