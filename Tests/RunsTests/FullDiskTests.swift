import DurableFiles
import Foundation
import RunStore
import Testing

/// Run folders on disks that take nothing.
@Suite(.serialized) struct FullDiskTests {
  @Test(
    "on a full disk the run waits and acknowledges nothing; with space again it comes to the same bits",
    .enabled(if: SmallDisk.canBeMounted, SmallDisk.missing),
    arguments: [
      ("scorer", "scoring", 4, "nothing is admitted for now: no space left"),
      ("learner", "checkpointing", 0, "no checkpoint of step 2: "),
    ])
  func full(role: String, point: String, passes: Int, message: String) throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let name = "full-\(point)"
    let disk = try SmallDisk(at: "\(world.folder)/\(name)", megabytes: 32)
    defer { disk.unmount() }
    let roles = try RolesByHand(name, in: world)
    defer { roles.end() }
    // The run holds still while its disk is filled.
    let fault = Fault(.stop, role, point, after: passes, in: world)
    let learner = try roles.learner(fault: fault)
    let scorer = try roles.scorer(fault: fault)
    _ = try roles.worker(credit: 1)
    let stopped = role == "learner" ? learner : scorer
    try eventually("the \(role) stops") { fault.hasStruck && isStopped(stopped.pid) }
    try disk.fill()
    stopped.signal(SIGCONT)

    try learner.waitToSay(message)
    let before = try durable(name, in: world, role)
    // The learner tries again each second: it had its chance to be wrong when it says so, or when it has tried thrice.
    try eventually("the learner goes on trying") { learner.isRunning && Date().timeIntervalSince(disk.filled) > 2.5 }
    #expect(try durable(name, in: world, role) == before)
    try disk.free()
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    #expect(learner.log.contains("the journal takes records again") || role == "learner", "\(learner.log)")
    try undisturbed.expectSame(name)
  }

  /// What the journal has of what the full disk holds up. Small records may still find a page while no checkpoint does.
  private func durable(_ name: String, in world: World, _ role: String) throws -> [Int] {
    let audit = try world.reader(name).audit()
    return role == "learner" ? [audit.checkpoints.count] : [audit.groups, audit.steps]
  }

  @Test("a run folder that cannot be written is refused in one line, before anything is started", arguments: [false, true])
  func readOnly(isRun: Bool) throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let name = "read-only-\(isRun)"
    let path = "\(world.folder)/\(name)"
    let disk = SmallDisk.canBeMounted ? try SmallDisk(at: path, megabytes: 32) : nil
    defer { disk?.unmount() }
    if isRun {
      let outcome = try world.run(name, workers: 0, overrides: UndisturbedRun.overrides + ["cluster.stallLimitSeconds=1"])
      #expect(outcome.status == 69, "\(outcome.errors)")
    }
    if let disk {
      try disk.makeReadOnly()
    } else {
      try DurableFiles.createFolder(path)
      chmod(path, 0o555)
    }
    defer { chmod(path, 0o755) }
    let outcome = try world.run(
      name, workers: 0, overrides: UndisturbedRun.overrides + (isRun ? ["cluster.stallLimitSeconds=1"] : []))
    #expect(outcome.status == 1)
    let lines = outcome.errors.split(separator: "\n").filter { !$0.hasPrefix("sophia: note") }
    #expect(lines.count == 1 && lines[0].contains(path) && lines[0].contains("sophia: "), "\(outcome.errors)")
  }
}
