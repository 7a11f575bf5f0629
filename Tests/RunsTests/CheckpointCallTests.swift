import Foundation
import RunStore
import Testing

/// The learner is killed at, or refused, single system calls: those that make a checkpoint or a commit durable.
@Suite(.serialized, .enabled(if: SystemCalls.canBeTraced, SystemCalls.missing))
struct CheckpointCallTests {
  /// The steps by which a checkpoint comes to the disk, in their order.
  enum Step: String, CaseIterable, Sendable {
    case write, sync, rename
    case syncFolder = "sync of the folder"
    case renameFolder = "rename of the folder"
    case syncParent = "sync of the folder above"

    func isDone(by call: SystemCalls.Call, folder: String) -> Bool {
      let aside = folder + ".partial"
      return switch self {
      case .write: call.name == "write" && call.path == aside + "/model.safetensors.partial" && call.number == 20
      case .sync: call.name == "fsync" && call.path == aside + "/optimizer.safetensors.partial"
      case .rename: call.name == "rename" && call.path == aside + "/checkpoint.json.partial"
      case .syncFolder: call.name == "fsync" && call.path == aside
      case .renameFolder: call.name == "rename" && call.path == aside
      case .syncParent: call.name == "fsync" && folder.hasPrefix(call.path + "/step-")
      }
    }
  }

  /// A checkpoint of each step, so that there is one before and work after.
  private static let everyStep = ["run.checkpointEvery=1"]

  /// The calls of a learner that nothing happens to, with RUN in place of its folder.
  private static let recorded = Result {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("recorded", in: undisturbed.world, overrides: everyStep)
    defer { roles.end() }
    let log = "\(undisturbed.world.folder)/recorded.strace"
    let learner = try roles.learner(by: SystemCalls.recording("write,fsync,rename", to: log))
    _ = (try roles.scorer(), try roles.worker())
    try #require(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("recorded")
    return try SystemCalls.calls(in: log).map { call in
      SystemCalls.Call(
        name: call.name, path: call.path.replacingOccurrences(of: roles.folder.path, with: "RUN"), number: call.number,
        succeeded: call.succeeded)
    }
  }

  /// The call by which an undisturbed learner does `step` for the checkpoint in `folder`: the last of its kind before the
  /// folder has its name, or the first after.
  private func call(_ step: Step, of folder: String, in run: String) throws -> SystemCalls.Call {
    let calls = try Self.recorded.get()
    let named = try #require(calls.firstIndex { Step.renameFolder.isDone(by: $0, folder: "RUN/\(folder)") })
    let found =
      step == .syncParent
      ? calls[named...].first { step.isDone(by: $0, folder: "RUN/\(folder)") }
      : calls[...named].last { step.isDone(by: $0, folder: "RUN/\(folder)") }
    let call = try #require(found)
    return SystemCalls.Call(
      name: call.name, path: call.path.replacingOccurrences(of: "RUN", with: run), number: call.number, succeeded: false)
  }

  @Test("a learner that is killed while it writes a checkpoint goes on from the one before", arguments: Step.allCases)
  func killed(at step: Step) throws {
    let undisturbed = try UndisturbedRun.shared
    let name = "killed-at-\(step)"
    let roles = try RolesByHand(name, in: undisturbed.world, overrides: Self.everyStep)
    defer { roles.end() }
    let log = "\(undisturbed.world.folder)/\(name).strace"
    let call = try call(step, of: "checkpoints/step-000002.1", in: roles.folder.path)
    let learner = try roles.learner(by: SystemCalls.disturbing(call, "signal=KILL", log: log))
    let (scorer, worker) = (try roles.scorer(), try roles.worker())
    #expect(try learner.end() == .killed(SIGKILL))
    #expect(try SystemCalls.calls(in: log).last?.isSame(as: call) == true)
    #expect(try undisturbed.audit(name).checkpoints.map(\.record.step) == [1])

    let next = try roles.learner()
    #expect(try next.end() == .exited(0), "\(next.log)")
    #expect(next.log.contains("going on from the checkpoint of step 1"), "\(next.log)")
    // They rode it out.
    #expect(try scorer.end() == .exited(0), "\(scorer.log)")
    #expect(try worker.end() == .exited(0), "\(worker.log)")
    try undisturbed.expectSame(name)
    let left = try FileManager.default.contentsOfDirectory(atPath: roles.folder.checkpoints).sorted()
    #expect(left == ["step-000003.2", "step-000004.2"])
  }

  @Test(
    "a disk that fails to make something durable stops the learner, which does not try that again",
    arguments: [("run.sqlite-wal", "fdatasync", 8), ("checkpoints/step-000002.1.partial/optimizer.safetensors.partial", "fsync", 1)])
  func failedSync(file: String, name: String, number: Int) throws {
    let undisturbed = try UndisturbedRun.shared
    let run = "failed-\(name)"
    let roles = try RolesByHand(run, in: undisturbed.world)
    defer { roles.end() }
    let log = "\(undisturbed.world.folder)/\(run).strace"
    let call = SystemCalls.Call(name: name, path: "\(roles.folder.path)/\(file)", number: number, succeeded: false)
    let learner = try roles.learner(by: SystemCalls.disturbing(call, "error=EIO", log: log))
    let (scorer, worker) = (try roles.scorer(), try roles.worker())
    #expect(try learner.end() == .exited(1))
    let last = learner.log.split(separator: "\n").last ?? ""
    #expect(last.contains("error:") && (last.contains("fsync failed") || last.contains("Input/output error")), "\(learner.log)")
    #expect(last.contains(roles.folder.path), "\(last)")
    // Nothing that the call was for is tried again: it is the last one on its path.
    let calls = try SystemCalls.calls(in: log).filter { $0.name == name }
    #expect(calls.contains { !$0.succeeded })
    #expect(calls.last?.succeeded == false, "\(calls.suffix(3))")
    #expect(try scorer.end() == .exited(69), "\(scorer.log)")
    #expect(try worker.end() == .exited(69), "\(worker.log)")

    let next = try roles.learner()
    _ = (try roles.scorer(), try roles.worker())
    #expect(try next.end() == .exited(0), "\(next.log)")
    try undisturbed.expectSame(run)
  }
}
