internal import GRDB
internal import Rollout

/// Takes the ledger back to a step, inside one transaction.
struct RollBack {
  private let db: Database
  private let step: UInt32
  private let now: Double

  init(_ db: Database, to step: UInt32, at now: Double) {
    self.db = db
    self.step = step
    self.now = now
  }

  func perform() throws -> RecoveredLedger {
    let last = try UInt32.fetchOne(db, sql: "SELECT MAX(step) FROM steps") ?? 0
    guard step <= last else {
      throw RunStoreError.refused(record: "going back to step \(step)", reason: "the last step trained is \(last)")
    }
    // The order in which the groups were trained stays beside them: they are to be trained in it again.
    try db.execute(
      sql: "UPDATE units SET state = 'admitted' WHERE state = 'trained' AND trained_step > ?", arguments: [step])
    for table in ["steps", "metrics", "checkpoints", "evaluations"] {
      try db.execute(sql: "DELETE FROM \(table) WHERE step > ?", arguments: [step])
    }
    try db.execute(
      sql: "UPDATE leases SET ended_at = ?, ending = 'the learner started again' WHERE ended_at IS NULL",
      arguments: [now])
    try db.execute(
      sql: """
        UPDATE units SET state = 'queued', lease_incarnation = NULL, lease_number = NULL
        WHERE state IN ('leased', 'generated', 'scored')
        """)
    try recount()
    try checkConservation(db)
    return try recovered()
  }

  /// Going back is rare and touches many units, so the counts are taken anew.
  private func recount() throws {
    try db.execute(
      sql: """
        UPDATE state_counts SET units = (SELECT COUNT(*) FROM units WHERE units.state = state_counts.state)
        """)
  }

  private func recovered() throws -> RecoveredLedger {
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
    return RecoveredLedger(incarnation: incarnation, units: units, groups: try GroupRows(db).admitted())
  }
}
