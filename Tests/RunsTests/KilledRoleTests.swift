import Foundation
import RunStore
import Testing

/// `kill -9` at exact points of the protocol, in runs whose processes are started again as `sophia train` does it.
@Suite(.serialized) struct KilledRoleTests {
  @Test(
    "a worker or scorer that is killed at any point of the protocol costs time and changes no bit",
    arguments: [
      ("worker", "leased", 3), ("worker", "generating", 4), ("worker", "generated", 4), ("worker", "pushed", 5),
      ("worker", "acknowledged", 1), ("scorer", "scoring", 4), ("scorer", "scored", 4), ("scorer", "pushed", 4),
    ])
  func peers(role: String, point: String, passes: Int) throws {
    let undisturbed = try UndisturbedRun.shared
    let name = "killed-\(role)-\(point)"
    try runKilling(role, point, passes, in: undisturbed, as: name)
    try undisturbed.expectSame(name)
    #expect(try undisturbed.audit(name).ledger.incarnations == 1)
  }

  @Test(
    "a learner that is killed at any point of the protocol goes on from its checkpoint and comes to the same bits",
    arguments: [
      ("admitting", 4, 0), ("admitted", 1, 0), ("trained", 0, 0), ("trained", 3, 2),
      ("publishing", 1, 0), ("checkpointing", 1, 2), ("checkpointed", 0, 0), ("checkpointed", 1, 2),
    ])
  func learner(point: String, passes: Int, resumedFrom step: Int) throws {
    let undisturbed = try UndisturbedRun.shared
    let name = "killed-learner-\(point)-\(passes)"
    try runKilling("learner", point, passes, in: undisturbed, as: name)
    try undisturbed.expectSame(name)
    let log = try String(contentsOfFile: "\(undisturbed.world.folder)/\(name)/logs/learner.log", encoding: .utf8)
    #expect(log.contains("at version \(step) of \(World.steps)"), "\(log)")
    #expect(step == 0 || log.contains("going on from the checkpoint of step \(step)"), "\(log)")
    #expect(try undisturbed.audit(name).ledger.incarnations == 2)
  }

  /// One worker, so that its loss is felt.
  private func runKilling(
    _ role: String, _ point: String, _ passes: Int, in undisturbed: UndisturbedRun, as name: String
  ) throws {
    let world = undisturbed.world
    let fault = Fault(.kill, role, point, after: passes, in: world)
    let outcome = try world.run(name, workers: 1, overrides: UndisturbedRun.overrides, fault: fault)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(fault.hasStruck)
    let killed = try world.reader(name).processes().filter { $0.exit == "was killed by signal 9" }
    #expect(killed.map(\.role) == [role], "\(outcome.errors)")
  }
}
