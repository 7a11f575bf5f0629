import Rollout
import Testing

@testable import RunStore

@Suite("Going back to a checkpoint")
struct RollBackTests {
  let folder: TemporaryFolder
  let store: RunStore
  let reader: RunReader

  /// Step 1 trained units 1 and 0, step 2 units 3 and 2; 4 admitted, 5 leased, 6 generated, 7 queued, 8 dead.
  init() throws {
    folder = try TemporaryFolder()
    store = try RunStore(path: folder.file("run.sqlite"))
    reader = try RunReader(path: folder.file("run.sqlite"))
    try store.commit([.incarnation(1), .checkpointed(step: 0, path: "checkpoints/0", policy: Sample.digest(0))])
    try store.commit(Sample.untilAdmission(0..<5) + Sample.issued(5..<9, step: 2))
    try store.commit([
      Sample.trained(1, [1, 0], [Metric("loss", 1)]),
      .checkpointed(step: 1, path: "checkpoints/1", policy: Sample.digest(1)),
      Sample.trained(2, [3, 2], [Metric("loss", 2)], accuracy: 0.75),
      .checkpointed(step: 2, path: "checkpoints/2", policy: Sample.digest(2)), Sample.leased(5, 6), Sample.leased(6, 7),
      .generated(unit: Sample.unit(6), lease: Sample.lease(7)), .deadLettered(unit: Sample.unit(8), reason: "bomb"),
    ])
  }

  @Test("checkpoints are listed newest first")
  func checkpoints() throws {
    let found = try store.checkpoints()
    #expect(found.map(\.step) == [2, 1, 0])
    #expect(found.map(\.path) == ["checkpoints/2", "checkpoints/1", "checkpoints/0"])
    #expect(found.map(\.policy) == [2, 1, 0].map { Sample.digest($0) })
    #expect(found.map(\.accuracy) == [0.75, nil, nil])
  }

  @Test("what was trained after the step is admitted again, in its order; what was out is out still")
  func rollsBack() throws {
    let recovered = try store.rollBack(to: 1)
    #expect(recovered.incarnation == 1)
    #expect(recovered.units.map(\.unit.prompt) == Array(0..<9))
    #expect(
      recovered.units.map(\.state) == [
        .trained, .trained, .admitted, .admitted, .admitted, .leased, .generated, .queued, .deadLettered,
      ])
    #expect(recovered.units.map(\.attempts) == [1, 1, 1, 1, 1, 1, 1, 0, 0])
    #expect(recovered.units.map(\.step) == [1, 1, 1, 1, 1, 2, 2, 2, 2])
    #expect(recovered.groups == [3, 2, 4].map { Sample.group($0, UInt64($0) + 1) })
    #expect(
      recovered.leases == [
        .init(id: Sample.lease(6), unit: Sample.unit(5), attempt: 1, version: 0, worker: "worker-0", isGenerated: false),
        .init(id: Sample.lease(7), unit: Sample.unit(6), attempt: 1, version: 0, worker: "worker-0", isGenerated: true),
      ])
    #expect(recovered.checkpoints.map(\.step) == [0, 1])
    #expect(recovered.takenBack == [2: Sample.digest(2)])
    #expect(try store.checkpoints().map(\.step) == [1, 0])
    #expect(try reader.steps().map(\.step) == [1])
    #expect(try reader.series(of: "loss").map(\.value) == [1])
    #expect(try reader.audit().problems == [])
  }

  @Test("a step is read with its groups in the order in which it summed them, until the learner goes back behind it")
  func trainings() throws {
    let (step, groups) = try #require(try reader.training(of: 1))
    #expect(step.step == 1 && step.groups == 2 && step.policy == Sample.digest(1))
    #expect(groups == [1, 0].map { Sample.group($0, UInt64($0) + 1) })
    #expect(try reader.training(of: 2)?.groups.map(\.unit.prompt) == [3, 2])
    #expect(try reader.training(of: 3) == nil)
    _ = try store.rollBack(to: 1)
    #expect(try reader.training(of: 1)?.groups.map(\.unit.prompt) == [1, 0])
    #expect(try reader.training(of: 2) == nil)
  }

  @Test("the order is still known after a learner that went back and died before it trained")
  func twice() throws {
    _ = try store.rollBack(to: 0)
    try store.commit([.incarnation(2)])
    let recovered = try store.rollBack(to: 0)
    #expect(recovered.incarnation == 2)
    #expect(recovered.groups.map(\.unit.prompt) == [1, 0, 3, 2, 4])
  }

  @Test("the run goes on from there")
  func goesOn() throws {
    _ = try store.rollBack(to: 1)
    try store.commit([
      .incarnation(2), Sample.trained(2, [3, 2]),
      .leaseEnded(unit: Sample.unit(5), lease: Sample.lease(6), reason: "its worker has not come back"),
      Sample.leased(5, 1, attempt: 2, incarnation: 2),
    ])
    try store.commit([Sample.admitted(Sample.group(5, 1, attempt: 2, incarnation: 2, version: 1, step: 2))])
    try store.commit([Sample.trained(3, [4, 5])])
    let audit = try reader.audit()
    #expect(audit.problems == [])
    #expect(audit.counts == [.trained: 6, .generated: 1, .queued: 1, .deadLettered: 1])
    #expect(audit.largestStaleness == 2)
  }

  @Test("going back to the latest step takes nothing back")
  func latest() throws {
    let recovered = try store.rollBack(to: 2)
    #expect(recovered.groups.map(\.unit.prompt) == [4])
    #expect(try store.checkpoints().map(\.step) == [2, 1, 0])
  }

  @Test("a step that the journal has not seen is refused")
  func future() throws {
    #expect(code { _ = try store.rollBack(to: 3) } == "store.refused")
    #expect(try reader.counts()[.leased] == 1)
  }

  @Test("a new run has nothing to take back")
  func new() throws {
    let other = try TemporaryFolder()
    #expect(try RunStore(path: other.file("run.sqlite")).rollBack(to: 0) == .new)
  }
}
