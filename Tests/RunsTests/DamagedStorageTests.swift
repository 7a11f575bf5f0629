import DurableFiles
import Foundation
import GRDB
import RunStore
import Testing

/// A run folder whose files are not what was written to them.
@Suite(.serialized) struct DamagedStorageTests {
  @Test(
    "what a crash tears off the journal is done again",
    arguments: ["cut", "garbled", "followed by rubbish"])
  func tornJournal(tail: String) throws {
    let undisturbed = try UndisturbedRun.shared
    let name = "torn-\(tail.split(separator: " ")[0])"
    let roles = try RolesByHand(name, in: undisturbed.world)
    defer { roles.end() }
    let fault = Fault(.kill, "learner", "admitted", after: 2, in: undisturbed.world)
    let learner = try roles.learner(fault: fault)
    _ = (try roles.scorer(), try roles.worker())
    #expect(try learner.end() == .killed(SIGKILL))
    #expect(fault.hasStruck)

    let log = try #require(FileHandle(forUpdatingAtPath: roles.folder.store + "-wal"))
    let size = try log.seekToEnd()
    switch tail {
    case "cut": try log.truncate(atOffset: size - 1500)
    case "garbled":
      try log.seek(toOffset: size - 1500)
      try log.write(contentsOf: Data(repeating: 0xA5, count: 1500))
    default: try log.write(contentsOf: Data(repeating: 0x5A, count: 6000))
    }
    try log.close()

    let next = try roles.learner()
    #expect(try next.end() == .exited(0), "\(next.log)")
    try undisturbed.expectSame(name)
  }

  /// What is done to a file of a checkpoint.
  enum Damage: String, CaseIterable, Sendable { case bit = "a bit is flipped", cut = "it is cut short", gone = "it is gone" }

  @Test(
    "a damaged checkpoint is refused by name, and the one before it loads",
    arguments: [
      (Damage.bit, "model.safetensors"), (.bit, "optimizer.safetensors"), (.cut, "model.safetensors"),
      (.gone, "checkpoint.json"),
    ])
  func damagedCheckpoint(damage: Damage, file: String) throws {
    let name = "damaged-\(file)-\(damage)".replacingOccurrences(of: " ", with: "-")
    try goOn(name, damaging: [3], how: damage, file, from: 2)
  }

  @Test("with no checkpoint left, the run goes on from its start and trains the journaled groups again")
  func noCheckpoint() throws {
    let undisturbed = try UndisturbedRun.shared
    try goOn("no-checkpoint", damaging: [2, 3], how: .bit, "model.safetensors", from: 0)
    // Nothing was generated again.
    let endings = try endings(in: "\(undisturbed.world.folder)/no-checkpoint/run.sqlite")
    #expect(endings.count { $0 == "admitted" } == World.steps * World.promptsPerStep)
  }

  /// Stops a run in good order after its third step, damages checkpoints of it, and lets it go on.
  private func goOn(
    _ name: String, damaging steps: [UInt32], how: Damage, _ file: String, from resumed: Int
  ) throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let fault = Fault(.stop, "learner", "trained", after: 2, in: world)
    let part = try world.run(name, workers: 1, overrides: UndisturbedRun.overrides, fault: fault) { train in
      try eventually("the third step is trained") { fault.hasStruck }
      let learner = try #require(try world.reader(name).processes().first { $0.role == "learner" }).pid
      try eventually("the learner stands still") { isStopped(learner) }
      kill(train, SIGINT)
      kill(learner, SIGCONT)
    }
    #expect(part.status == 75, "\(part.errors)")
    let checkpoints = try undisturbed.audit(name).checkpoints
    #expect(checkpoints.map(\.record.step) == [2, 3])
    for checkpoint in checkpoints where steps.contains(checkpoint.record.step) {
      try apply(how, to: "\(world.folder)/\(name)/\(checkpoint.record.path)/\(file)")
    }

    let ledger = try world.sophia(["ledger", "\(world.folder)/\(name)"], log: "ledger")
    #expect(ledger.status == 1)
    for step in steps { #expect(ledger.output.contains("The checkpoint of step \(step) is not sound"), "\(ledger.output)") }
    #expect(ledger.output.contains(file), "\(ledger.output)")

    let rest = try world.run(name, workers: 1, overrides: UndisturbedRun.overrides)
    #expect(rest.status == 0, "\(rest.errors)")
    let log = try String(contentsOfFile: "\(world.folder)/\(name)/logs/learner.log", encoding: .utf8)
    for step in steps {
      let line = log.split(separator: "\n").first { $0.contains("error: the checkpoint of step \(step) is not used") }
      #expect(line?.contains(file) == true, "\(log)")
    }
    #expect(log.contains("at version \(resumed) of \(World.steps)"), "\(log)")
    try undisturbed.expectSame(name)
    #expect(try world.sophia(["ledger", "\(world.folder)/\(name)"], log: "ledger").status == 0)
  }

  private func apply(_ damage: Damage, to file: String) throws {
    if damage == .gone { return try DurableFiles.remove(file) }
    var bytes = try DurableFiles.read(file)
    if damage == .bit { bytes[bytes.count - 1000] ^= 4 } else { bytes.removeLast(1000) }
    try DurableFiles.write(bytes, to: file)
  }
}
