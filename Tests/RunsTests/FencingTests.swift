import Foundation
import RunStore
import Testing

/// Processes that are stopped for too long and go on as if nothing had been.
@Suite(.serialized) struct FencingTests {
  @Test("what a worker brings that slept past its lease does not count, and its unit is trained once, under the next lease")
  func lateWorker() throws {
    let undisturbed = try UndisturbedRun.shared
    // The lease runs out while the worker still counts as alive.
    let roles = try RolesByHand(
      "late-worker", in: undisturbed.world,
      overrides: ["cluster.leaseSeconds=1", "cluster.peerTimeoutSeconds=60", "cluster.maximumAttempts=1000"])
    defer { roles.end() }
    let fault = Fault(.stop, "worker", "generated", after: 1, in: undisturbed.world)
    let learner = try roles.learner()
    _ = try roles.scorer()
    let worker = try roles.worker(credit: 1, fault: fault)
    try eventually("the worker stops") { fault.hasStruck }
    let reader = try undisturbed.world.reader("late-worker")
    try eventually("its lease runs out") {
      try leases(of: reader).contains { $0.hasSuffix("did not deliver before its lease ran out") }
    }
    worker.signal(SIGCONT)
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    // Its group is refused if it gets as far as the learner: connections of a process that sleeps may be gone.
    #expect(try worker.end() == .exited(0), "\(worker.log)")
    try undisturbed.expectSame("late-worker")
    #expect(try leases(of: reader).count { $0 == "admitted" } == World.steps * World.promptsPerStep)
  }

  @Test("a learner that wakes after another took over is shut out, and nothing is trained twice")
  func replacedLearner() throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("replaced", in: undisturbed.world)
    defer { roles.end() }
    // The second step is trained, and the journal does not know it.
    let fault = Fault(.stop, "learner", "trained", after: 1, in: undisturbed.world)
    let first = try roles.learner(fault: fault)
    _ = (try roles.scorer(0), try roles.worker(0))
    try eventually("the learner stops") { fault.hasStruck }

    let refused = try roles.learner()
    #expect(try refused.end() == .exited(1))
    #expect(refused.log.contains("another process is using the run folder") && refused.log.contains("--take-over"))

    let second = try roles.learner(options: ["--take-over"])
    _ = (try roles.scorer(1), try roles.worker(1))
    try eventually("the second learner begins") { try undisturbed.audit("replaced").ledger.incarnations == 2 }
    first.signal(SIGCONT)
    switch try first.end() {
    case .exited(let code):
      #expect(code == 1)
      #expect(first.log.contains("incarnation 1 of the learner may not write"), "\(first.log)")
      #expect(first.log.contains("incarnation 2 has taken over"), "\(first.log)")
    case .killed(let signal):
      // It was stopped in the middle of a record.
      #expect(signal == SIGKILL && second.log.contains("hangs in the middle of a record"), "\(second.log)")
    }
    #expect(try second.end() == .exited(0), "\(second.log)")
    try undisturbed.expectSame("replaced")
    // The first learner had trained one step that counted, before the second went back to the start.
    #expect(try undisturbed.world.reader("replaced").steps().map(\.incarnation) == [2, 2, 2, 2])
  }

  private func leases(of reader: RunReader) throws -> [String] { try endings(in: reader.path) }
}
