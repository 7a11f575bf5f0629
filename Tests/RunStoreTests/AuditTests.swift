import Foundation
import GRDB
import Rollout
import Testing

@testable import RunStore

@Suite("The audit of a ledger")
struct AuditTests {
  @Test("a ledger that was tampered with is found out", arguments: [
    ("UPDATE units SET state = 'admitted' WHERE position = 0", "The count of a state is wrong (admitted: 2 counted, 3 found)."),
    ("UPDATE state_counts SET units = units + 1 WHERE state = 'queued'", "Work is not conserved (5 issued, 6 in all states)."),
    ("DELETE FROM responses WHERE group_id = 2 AND member = 1", "The group at position 1 does not have the responses or tokens it was admitted with."),
    ("UPDATE responses SET tokens = x'00' WHERE group_id = 2", "The group at position 1 does not have the responses or tokens it was admitted with."),
    ("DELETE FROM groups WHERE position = 1", "The group of unit 0/1 (trained) is missing."),
    ("UPDATE units SET position = 9 WHERE position = 4", "The schedule has a gap before position 9."),
    ("UPDATE steps SET step = 2", "Training has a gap before step 2."),
    ("UPDATE units SET trained_step = 7 WHERE position = 0", "Unit 0/0 is marked as trained by a step that is not there."),
    ("UPDATE groups SET version = 1 WHERE position = 0", "Unit 0/0 was trained before the policy that sampled it."),
    ("UPDATE checkpoints SET policy_sha256 = x'00'", "The checkpoint of step 1 is not of the policy that the step made."),
    ("UPDATE units SET state = 'queued' WHERE position = 4", "Lease 1.9 is open although its unit is not out."),
  ])
  func tampered(sql: String, sentence: String) throws {
    let folder = try TemporaryFolder()
    let store = try RunStore(path: folder.file("run.sqlite"))
    try store.commit([.incarnation(1)])
    try store.commit(
      Sample.untilAdmission(0..<4)
        + [
          Sample.trained(1, [0, 1]), .checkpointed(step: 1, path: "checkpoints/1", policy: Sample.digest(1)),
        ] + Sample.issued(4..<5, step: 2) + [Sample.leased(4, 9)])
    let reader = try RunReader(path: folder.file("run.sqlite"))
    #expect(try reader.audit().problems == [])
    var configuration = Configuration()
    configuration.foreignKeysEnabled = false
    try DatabaseQueue(path: folder.file("run.sqlite"), configuration: configuration).write { try $0.execute(sql: sql) }
    let audit = try reader.audit()
    #expect(!audit.isSound)
    #expect(audit.problems.contains(sentence), "\(audit.problems)")
  }

  @Test("the sums of a sound ledger")
  func sums() throws {
    let folder = try TemporaryFolder()
    let store = try RunStore(path: folder.file("run.sqlite"))
    try store.commit([.incarnation(1)] + Sample.untilAdmission(0..<4) + [Sample.trained(1, [0, 1])])
    let audit = try RunReader(path: folder.file("run.sqlite")).audit()
    #expect(audit.issued == 4)
    #expect(audit.counts == [.trained: 2, .admitted: 2])
    #expect((audit.groups, audit.responses, audit.steps, audit.incarnations) == (4, 8, 1, 1))
    #expect(audit.policy == Sample.digest(1).description)
    #expect(audit.isSound)
  }
}
