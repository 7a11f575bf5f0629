internal import DurableFiles
internal import GRDB
internal import Rollout

/// Takes the ledger back to a step, inside one transaction.
struct RollBack {
  private let db: Database
  private let step: UInt32

  init(_ db: Database, to step: UInt32) {
    self.db = db
    self.step = step
  }

  func perform() throws -> RecoveredLedger {
    let last = try UInt32.fetchOne(db, sql: "SELECT MAX(step) FROM steps") ?? 0
    guard step <= last else {
      throw RunStoreError.refused(record: "going back to step \(step)", reason: "the last step trained is \(last)")
    }
    let takenBack = try Row.fetchAll(db, sql: "SELECT step, policy_sha256 FROM steps WHERE step > ?", arguments: [step])
      .compactMap { row in
        try SHA256Digest(bytes: row.bytes("policy_sha256")).map { (try row.value("step") as UInt32, $0) }
      }
    // The order in which the groups were trained stays beside them: they are to be trained in it again. A group that is
    // no longer kept has to be generated again.
    try db.execute(
      sql: """
        UPDATE units SET state = IIF(position IN (SELECT position FROM groups), 'admitted', 'queued')
        WHERE state = 'trained' AND trained_step > ?
        """, arguments: [step])
    for table in ["steps", "metrics", "checkpoints", "evaluations"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE step > ?", arguments: [step])
    }
    try recount()
    try checkConservation(db)
    return try recovered(takenBack: Dictionary(takenBack) { first, _ in first })
  }

  /// Going back is rare and touches many units, so the counts are taken anew.
  private func recount() throws {
    try db.execute(
      sql: """
        UPDATE state_counts SET units = (SELECT COUNT(*) FROM units WHERE units.state = state_counts.state)
        """)
  }

  private func recovered(takenBack: [UInt32: SHA256Digest]) throws -> RecoveredLedger {
    let incarnation = try UInt32.fetchOne(db, sql: "SELECT MAX(incarnation) FROM incarnations") ?? 0
    let rows = try Row.fetchCursor(
      db, sql: "SELECT epoch, prompt, step, state, attempts FROM units ORDER BY position")
    var units: [RecoveredLedger.Unit] = []
    while let row = try rows.next() {
      units.append(
        RecoveredLedger.Unit(
          unit: UnitID(epoch: try row.value("epoch"), prompt: try row.value("prompt")), step: try row.value("step"),
          state: try UnitState(row), attempts: try row.value("attempts")))
    }
    return RecoveredLedger(
      incarnation: incarnation, units: units, groups: try GroupRows(db).admitted(), leases: try leases(),
      checkpoints: try CheckpointRows.all(db), takenBack: takenBack)
  }

  private func leases() throws -> [RecoveredLedger.Lease] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT leases.*, epoch, prompt FROM leases JOIN units USING (position) WHERE ended_at IS NULL
        ORDER BY incarnation, number
        """
    ).map { row in
      RecoveredLedger.Lease(
        id: LeaseID(incarnation: try row.value("incarnation"), number: try row.unsigned("number")),
        unit: UnitID(epoch: try row.value("epoch"), prompt: try row.value("prompt")), attempt: try row.value("attempt"),
        version: try row.unsigned("version"), worker: try row.value("worker"),
        isGenerated: try (row.value("generated_at") as Double?) != nil)
    }
  }
}

/// The checkpoints that the journal names.
enum CheckpointRows {
  /// Oldest first.
  static func all(_ db: Database) throws -> [CheckpointRecord] {
    try Row.fetchAll(
      db,
      sql: """
        SELECT checkpoints.step, path, policy_sha256, accuracy FROM checkpoints
        LEFT JOIN evaluations ON evaluations.step = checkpoints.step AND evaluations.name = ?
        ORDER BY checkpoints.step
        """, arguments: [Evaluation.heldOut]
    ).map { row in
      guard let policy = SHA256Digest(bytes: try row.bytes("policy_sha256")) else {
        throw RunStoreError.damaged(path: db.description, detail: "the policy hash of a checkpoint is cut short")
      }
      return CheckpointRecord(
        step: try row.value("step"), path: try row.value("path"), policy: policy, accuracy: try row.value("accuracy"))
    }
  }
}
