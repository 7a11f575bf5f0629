import Attackers
import Foundation
import Limits
import Rollout
import Testing
import ZeroMQ

/// A run of several processes goes on, ends on the same bits, and stays within the memory that `sophia doctor --limits` states,
/// whatever is done to its sockets.
@Suite(.serialized) struct AttackTests {
  private static let limits = Limits.standard.narrowed(toGroupsOf: 4, responseTokens: 12)

  @Test("strangers without keys: floods of connections, half handshakes, huge frames")
  func strangers() throws {
    let calm = try CalmRun.shared
    let (done, peaks) = try attacked("strangers", noticed: ["too many strangers"]) { attack, roles, learner, scorer in
      attack.addStrangers(on: learner.listeningPorts + scorer.listeningPorts)
    }
    #expect(done.count == 5 && done.values.allSatisfy { $0 > 0 }, "\(done)")
    // Nobody was let in, so nothing but what connections take by themselves is held: 3 sockets, 1 socket.
    let connections = Self.limits.sockets.strangers * 64 << 10 + Self.limits.sockets.strangerBytes
    #expect(peaks.learner < calm.learner + 3 * connections, "\(peaks), calm: \(calm)")
    #expect(peaks.scorer < calm.scorer + connections + 64 << 20, "\(peaks), calm: \(calm)")
  }

  @Test("strangers do not take the descriptors that a learner with few of them writes its checkpoints with")
  func fewDescriptors() throws {
    let (done, _) = try attacked(
      "few-descriptors", noticed: ["too many strangers: more than 21"], learnerBy: ["/usr/bin/prlimit", "--nofile=512"]
    ) { attack, _, learner, _ in
      attack.addStrangers(on: learner.listeningPorts)
    }
    #expect(done.values.allSatisfy { $0 > 0 }, "\(done)")
  }

  @Test("a registered worker that misbehaves: garbage, largest messages, messages without end, subscriptions without end")
  func misbehavingWorker() throws {
    let calm = try CalmRun.shared
    let (done, peaks) = try attacked(
      "misbehaving", noticed: ["refused a message from worker-3", "threw away a message", "too much unread"]
    ) { attack, roles, learner, scorer in
      let worker = try MisbehavingWorker(keys: roles.keys.pair(of: "worker-3"))
      let learnerKey = try roles.keys.publicKey(of: "learner")
      let addresses = try #require(roles.folder.learnerAddresses)
      try worker.add(
        to: attack, at: addresses.control, of: learnerKey, Dealer.self, largest: Self.limits.messages.fromPeer, "control")
      try worker.add(
        to: attack, at: "tcp://127.0.0.1:\(addresses.data)", of: learnerKey, Push.self, largest: Self.limits.messages.data, "groups")
      try worker.addSubscriptions(to: attack, at: "tcp://127.0.0.1:\(addresses.publish)", of: learnerKey)
      let port = try #require(scorer.listeningPorts.first)
      try worker.add(
        to: attack, at: "tcp://127.0.0.1:\(port)", of: roles.keys.publicKey(of: "scorer-0"), Push.self,
        largest: Limits.standard.messages.data, "scorer")
    }
    #expect(done.count == 19 && done.values.allSatisfy { $0 > 0 }, "\(done)")
    #expect(peaks.learner < calm.learner + Self.limits.learnerHolds, "\(peaks), calm: \(calm)")
    #expect(peaks.scorer < calm.scorer + Limits.standard.scorerHolds, "\(peaks), calm: \(calm)")
  }

  /// A run whose worker joins when the attack has been noticed.
  ///
  /// - Parameter noticed: what the learner says of it.
  private func attacked(
    _ name: String, noticed: [String], learnerBy tracer: [String] = [], _ begin: (Attack, RolesByHand, _ learner: ObservedProcess, _ scorer: ObservedProcess) throws -> Void
  ) throws -> (done: [String: Int], peaks: Peaks) {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand(name, in: undisturbed.world, overrides: CalmRun.patient)
    defer { roles.end() }
    let learner = try roles.learner(by: tracer)
    let scorer = try roles.scorer()
    try learner.waitToSay("scorer-0")
    let attack = Attack()
    let memory = PeakMemory(of: [ObservedProcess(pid: learner.pid), ObservedProcess(pid: scorer.pid)])
    try begin(attack, roles, ObservedProcess(pid: learner.pid), ObservedProcess(pid: scorer.pid))
    let start = ContinuousClock.now
    for text in noticed { try learner.waitToSay(text) }
    while .now - start < .seconds(3) { usleep(10_000) }
    _ = try roles.worker()
    let end = try learner.end()
    let done = attack.end()
    let sizes = memory.end()
    #expect(end == .exited(0), "\(learner.log)")
    try undisturbed.expectSame(name)
    // A peer that misbehaves does not fill the disk with what is said of it.
    for role in [learner, scorer] { #expect(role.log.utf8.count < 200_000, "\(role.log.prefix(5000))") }
    let peaks = Peaks(learner: sizes[0], scorer: sizes[1])
    print("\(name): \(peaks); \(done.sorted { $0.key < $1.key })")
    return (done, peaks)
  }
}

private struct Peaks: CustomStringConvertible {
  var learner: Int
  var scorer: Int

  var description: String { "learner \(learner >> 20) MiB, scorer \(scorer >> 20) MiB" }
}

/// The same run without an attack, to compare with.
private enum CalmRun {
  /// Nothing ends a lease only because the machine is busy with an attack.
  static let patient = ["cluster.leaseSeconds=600", "cluster.peerTimeoutSeconds=300", "cluster.hedgeAfter=0"]

  private static let made = Result { try measure() }
  static var shared: Peaks { get throws { try made.get() } }

  private static func measure() throws -> Peaks {
    let roles = try RolesByHand("calm", in: UndisturbedRun.shared.world, overrides: patient)
    defer { roles.end() }
    let learner = try roles.learner()
    let scorer = try roles.scorer()
    let memory = PeakMemory(of: [ObservedProcess(pid: learner.pid), ObservedProcess(pid: scorer.pid)])
    _ = try roles.worker()
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    let sizes = memory.end()
    let peaks = Peaks(learner: sizes[0], scorer: sizes[1])
    print("calm: \(peaks)")
    return peaks
  }
}
