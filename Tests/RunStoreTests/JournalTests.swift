import Foundation
import Rollout
import Testing

@testable import RunStore

@Suite("The ledger in a run file")
struct JournalTests {
  let folder: TemporaryFolder
  let store: RunStore
  let reader: RunReader

  init() throws {
    folder = try TemporaryFolder()
    store = try RunStore(path: folder.file("run.sqlite"))
    reader = try RunReader(path: folder.file("run.sqlite"))
    try store.commit([.incarnation(1)])
  }

  @Test("a unit passes through its states, and the counts follow it")
  func states() throws {
    func expect(_ state: UnitState) throws {
      let counts = try reader.counts()
      #expect(counts.issued == 1)
      #expect(counts.byState.filter { $0.value != 0 } == [state: 1])
    }
    try store.commit(Sample.issued(0..<1))
    try expect(.queued)
    try store.commit([Sample.leased(0, 1)])
    try expect(.leased)
    try store.commit([.generated(unit: Sample.unit(0), lease: Sample.lease(1))])
    try expect(.generated)
    try store.commit([Sample.admitted(Sample.group(0, 1))])
    try expect(.admitted)
    try store.commit([Sample.trained(1, [0])])
    try expect(.trained)
    #expect(try reader.audit().problems == [])
  }

  @Test("a group comes back bit for bit, and so does a text with a NUL in it")
  func groupSurvives() throws {
    let groups = [Sample.group(0, 1), Sample.group(1, 2, text: "a\0b \u{1F4CA} \"';--")]
    try store.commit(Sample.issued(0..<2) + [Sample.leased(0, 1), Sample.leased(1, 2)] + groups.map(Sample.admitted))
    let recovered = try store.rollBack(to: 0)
    #expect(recovered.groups == groups)
    #expect(recovered.groups[0].rewards.gamma?.bitPattern == (0.1 + 0.2).bitPattern)
    #expect(recovered.groups[0].responses[0].logProbabilities[1].bitPattern == (-0.0 as Float).bitPattern)
  }

  @Test("a batch with one wrong record writes nothing at all")
  func allOrNothing() throws {
    #expect(code { try store.commit(Sample.issued(0..<3) + [Sample.trained(1, [0])]) } == "store.refused")
    #expect(try reader.counts().issued == 0)
    try store.commit(Sample.issued(0..<1))
    #expect(try reader.counts().issued == 1)
  }

  /// After: unit 0 trained, 1 admitted, 2 leased as lease 9, 3 queued, 4 dead-lettered.
  static let refusals: [(String, [JournalRecord])] = [
    ("training a unit twice", [Sample.trained(2, [0])]),
    ("training a unit twice in one step", [Sample.trained(2, [1, 1])]),
    ("training what is not admitted", [Sample.trained(2, [2])]),
    ("training what was never issued", [Sample.trained(2, [77])]),
    ("skipping a step", [Sample.trained(3, [1])]),
    ("training the same step again", [Sample.trained(1, [1])]),
    ("leasing a lease's number again", [Sample.leased(3, 9)]),
    ("leasing what is out on two leases", [Sample.leased(2, 10, attempt: 2), Sample.leased(2, 11, attempt: 3)]),
    ("leasing out of the order of attempts", [Sample.leased(3, 10, attempt: 2)]),
    ("leasing a dead letter", [Sample.leased(4, 10)]),
    ("generating under another lease", [.generated(unit: Sample.unit(2), lease: Sample.lease(8))]),
    ("generating what is queued", [.generated(unit: Sample.unit(3), lease: Sample.lease(9))]),
    ("admitting twice", [Sample.admitted(Sample.group(1, 2))]),
    ("admitting under a late lease", [Sample.admitted(Sample.group(2, 8))]),
    ("admitting another attempt", [Sample.admitted(Sample.group(2, 9, attempt: 2))]),
    ("returning under another lease", [.leaseEnded(unit: Sample.unit(2), lease: Sample.lease(8), reason: "late")]),
    ("issuing a unit twice", [.issued(position: 5, unit: Sample.unit(0), step: 1)]),
    ("leaving a gap in the schedule", [.issued(position: 6, unit: Sample.unit(6), step: 1)]),
    ("an incarnation that is not newer", [.incarnation(1)]),
    ("a checkpoint of another policy", [.checkpointed(step: 1, path: "checkpoints/1", policy: Sample.digest(9))]),
    ("a checkpoint of an untrained step", [.checkpointed(step: 2, path: "checkpoints/2", policy: Sample.digest(2))]),
    ("dead-lettering what is trained", [.deadLettered(unit: Sample.unit(0), reason: "no")]),
  ]

  @Test("what contradicts the ledger is refused and changes nothing", arguments: refusals)
  func refuses(what: String, records: [JournalRecord]) throws {
    try store.commit(
      Sample.untilAdmission(0..<2) + [Sample.trained(1, [0])] + Sample.issued(2..<5)
        + [Sample.leased(2, 9), .deadLettered(unit: Sample.unit(4), reason: "unreadable image")])
    let before = try reader.audit()
    #expect(code { try store.commit(records) } == "store.refused", "\(what)")
    let after = try reader.audit()
    #expect(after == before)
    #expect(after.problems == [])
  }

  @Test("a group whose parts do not pair up is refused")
  func pairs() throws {
    try store.commit(Sample.issued(0..<1) + [Sample.leased(0, 1)])
    var group = Sample.group(0, 1)
    group.thinking = [0.5]
    #expect(code { try store.commit([Sample.admitted(group)]) } == "store.refused")
  }

  @Test("a unit that comes back is leased again under a new number and the next attempt")
  func requeue() throws {
    try store.commit(Sample.issued(0..<1) + [Sample.leased(0, 1)])
    try store.commit([.leaseEnded(unit: Sample.unit(0), lease: Sample.lease(1), reason: "the lease ran out")])
    try store.commit([Sample.leased(0, 2, attempt: 2), Sample.admitted(Sample.group(0, 2, attempt: 2))])
    #expect(try reader.counts()[.admitted] == 1)
    #expect(try reader.audit().problems == [])
  }

  @Test("a hedged unit is out on two leases; the group of either is taken, and then neither counts any more")
  func hedged() throws {
    try store.commit(Sample.issued(0..<1) + [Sample.leased(0, 1), Sample.leased(0, 2, attempt: 2)])
    try store.commit([.generated(unit: Sample.unit(0), lease: Sample.lease(1))])
    #expect(try reader.audit().problems == [])
    try store.commit([Sample.admitted(Sample.group(0, 2, attempt: 2))])
    #expect(code { try store.commit([Sample.admitted(Sample.group(0, 1))]) } == "store.refused")
    #expect(try reader.counts()[.admitted] == 1)
    #expect(try reader.audit().problems == [])
  }

  @Test("when one of two leases ends, the unit is as the other stands")
  func hedgeEnds() throws {
    try store.commit(Sample.issued(0..<1) + [Sample.leased(0, 1), Sample.leased(0, 2, attempt: 2)])
    try store.commit([.generated(unit: Sample.unit(0), lease: Sample.lease(1))])
    try store.commit([.leaseEnded(unit: Sample.unit(0), lease: Sample.lease(1), reason: "the scorer lost it")])
    #expect(try reader.counts()[.leased] == 1)
    try store.commit([.leaseEnded(unit: Sample.unit(0), lease: Sample.lease(2), reason: "late")])
    #expect(try reader.counts()[.queued] == 1)
    #expect(try reader.audit().problems == [])
  }

  @Test("groups that no checkpoint needs any more are let go, and the ledger is still sound")
  func forgets() throws {
    try store.commit(Sample.untilAdmission(0..<3) + [Sample.trained(1, [0]), Sample.trained(2, [1])])
    let checkpoints: [JournalRecord] = [1, 2].map {
      .checkpointed(step: $0, path: "checkpoints/\($0)", policy: Sample.digest(UInt8($0)))
    }
    try store.commit(checkpoints + [.retired(checkpoints: [1], forgetting: 1)])
    let audit = try reader.audit()
    #expect(audit.problems == [] && audit.groups == 2 && audit.counts == [.trained: 2, .admitted: 1])
    #expect(audit.checkpoints.map(\.step) == [2])
    // A learner that has to go back beyond them generates them again.
    let recovered = try store.rollBack(to: 0)
    #expect(recovered.units.map(\.state) == [.queued, .admitted, .admitted])
    #expect(recovered.takenBack == [1: Sample.digest(1), 2: Sample.digest(2)])
  }

  @Test("a metric that is not a number does not stop the run, and reads back as none")
  func notANumber() throws {
    try store.commit(
      Sample.untilAdmission(0..<1)
        + [Sample.trained(1, [0], [Metric("loss", .nan), Metric("kl", 0.25), Metric("norm", .infinity)])])
    #expect(try reader.metricNames() == ["loss", "kl", "norm"])
    #expect(try reader.series(of: "loss")[0].value.isNaN)
    #expect(try reader.series(of: "kl") == [RunReader.Point(step: 1, value: 0.25)])
    #expect(try reader.series(of: "norm")[0].value == .infinity)
  }
}
