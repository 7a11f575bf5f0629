internal import GRDB
internal import Rollout

/// Writes journal records inside one transaction, each only if the ledger allows it.
///
/// Nothing is scanned: every check is a look-up by key, and the counts by state move with each transition.
struct JournalWriter {
  private let db: Database
  private let statements: DirectStatements
  private let clock: RunClock
  private let now: Double
  private var moved: [UnitState: Int] = [:]

  /// The unit a record speaks of, as it stands.
  private struct Unit {
    var position: Int64
    var state: UnitState
    var attempts: UInt32
  }

  /// A lease that has not ended.
  private struct OpenLease {
    var attempt: UInt32
    var isGenerated: Bool
  }

  init(_ db: Database, clock: RunClock) {
    self.db = db
    statements = DirectStatements(db)
    self.clock = clock
    now = clock.wall()
  }

  mutating func write(_ record: JournalRecord) throws {
    switch record {
    case .incarnation(let incarnation): try begin(incarnation)
    case .issued(let position, let unit, let step): try issue(unit, at: position, step: step)
    case .leased(let unit, let lease, let attempt, let worker, let version):
      try self.lease(unit, as: lease, attempt: attempt, worker: worker, version: version)
    case .generated(let unit, let lease): try markGenerated(unit, lease: lease)
    case .leaseEnded(let unit, let lease, let reason): try endLease(lease, of: unit, reason: reason)
    case .admitted(let group, let worker, let scorer): try admit(group, worker: worker, scorer: scorer)
    case .deadLettered(let unit, let reason): try deadLetter(unit, reason: reason)
    case .trained(let step): try train(step)
    case .checkpointed(let step, let path, let policy):
      try addCheckpoint(step: step, path: path, policy: policy.bytes)
    case .retired(let steps, let forgetting): try retire(steps, forgetting: forgetting)
    }
  }

  /// Brings the counts by state up to date and checks conservation of work.
  mutating func finish() throws {
    for (state, change) in moved where change != 0 {
      try run("UPDATE state_counts SET units = units + ? WHERE state = ?", [.integer(change), .text(state.rawValue)])
    }
    moved = [:]
    try checkConservation(db)
  }

  private func begin(_ incarnation: UInt32) throws {
    let last = try number("SELECT MAX(incarnation) FROM incarnations", []) ?? UInt32(0)
    guard incarnation > last else {
      throw RunStoreError.refused(
        record: "incarnation \(incarnation)", reason: "incarnation \(last) has begun, and they only grow")
    }
    try run("INSERT INTO incarnations (incarnation, began_at) VALUES (?, ?)", [.integer(incarnation), .real(now)])
  }

  private mutating func issue(_ unit: UnitID, at position: Int, step: UInt32) throws {
    let next = (try number("SELECT MAX(position) FROM units", []) ?? -1) + 1
    let record = "issue of unit \(unit) at position \(position)"
    guard position == next else {
      throw RunStoreError.refused(record: record, reason: "the next position is \(next)")
    }
    guard try find(unit) == nil else {
      throw RunStoreError.refused(record: record, reason: "the unit was issued before")
    }
    try run(
      "INSERT INTO units (position, epoch, prompt, step, state) VALUES (?, ?, ?, ?, 'queued')",
      [.integer(position), .integer(unit.epoch), .integer(unit.prompt), .integer(step)])
    moved[.queued, default: 0] += 1
  }

  private mutating func lease(
    _ unit: UnitID, as lease: LeaseID, attempt: UInt32, worker: String, version: UInt64
  ) throws {
    let record = "lease \(lease) of unit \(unit)"
    let found = try require(unit, in: [.queued, .leased], for: record)
    guard try openLeases(of: found) < 2 else {
      throw RunStoreError.refused(record: record, reason: "the unit is out on two leases already")
    }
    guard attempt == found.attempts + 1 else {
      throw RunStoreError.refused(record: record, reason: "attempt \(attempt) follows attempt \(found.attempts)")
    }
    let used: Int64? = try number("SELECT position FROM leases WHERE incarnation = ? AND number = ?", lease.values)
    guard used == nil else { throw RunStoreError.refused(record: record, reason: "the lease number was used before") }
    try run(
      """
      INSERT INTO leases (incarnation, number, position, attempt, worker, version, leased_at)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      """,
      lease.values + [.integer(found.position), .integer(attempt), .text(worker), .integer(version), .real(now)])
    try run("UPDATE units SET state = 'leased', attempts = ? WHERE position = ?", [.integer(attempt), .integer(found.position)])
    move(found, to: .leased)
  }

  private mutating func markGenerated(_ unit: UnitID, lease: LeaseID) throws {
    let record = "generation of unit \(unit) under lease \(lease)"
    let found = try require(unit, in: [.leased, .generated], for: record)
    guard try !open(lease, of: found, for: record).isGenerated else {
      throw RunStoreError.refused(record: record, reason: "it was reported before")
    }
    try run(
      "UPDATE leases SET generated_at = ? WHERE incarnation = ? AND number = ?", [.real(now)] + lease.values)
    try run("UPDATE units SET state = 'generated' WHERE position = ?", [.integer(found.position)])
    move(found, to: .generated)
  }

  private mutating func endLease(_ lease: LeaseID, of unit: UnitID, reason: String) throws {
    let record = "end of lease \(lease) of unit \(unit)"
    let found = try require(unit, in: [.leased, .generated], for: record)
    _ = try open(lease, of: found, for: record)
    try end(lease, reason)
    let others: Int? = try number(
      "SELECT MAX(generated_at IS NOT NULL) FROM leases WHERE position = ? AND ended_at IS NULL", [.integer(found.position)])
    let state: UnitState = others.map { $0 > 0 ? .generated : .leased } ?? .queued
    try run("UPDATE units SET state = ? WHERE position = ?", [.text(state.rawValue), .integer(found.position)])
    move(found, to: state)
  }

  private mutating func admit(_ group: ScoredGroup, worker: String, scorer: String) throws {
    let record = "group of unit \(group.unit) under lease \(group.lease)"
    let found = try require(group.unit, in: [.leased, .generated, .scored], for: record)
    let lease = try open(group.lease, of: found, for: record)
    guard group.attempt == lease.attempt else {
      throw RunStoreError.refused(record: record, reason: "it is of attempt \(group.attempt), not \(lease.attempt)")
    }
    try GroupRows(db).insert(group, position: found.position, worker: worker, scorer: scorer, at: now)
    try run("UPDATE units SET state = 'admitted' WHERE position = ?", [.integer(found.position)])
    try end(group.lease, "admitted")
    try endAllLeases(of: found, "another worker was faster")
    move(found, to: .admitted)
  }

  private mutating func deadLetter(_ unit: UnitID, reason: String) throws {
    let found = try require(unit, in: [.queued, .leased, .generated], for: "dead letter of unit \(unit)")
    try run("UPDATE units SET state = 'dead-lettered', reason = ? WHERE position = ?", [.text(reason), .integer(found.position)])
    try endAllLeases(of: found, "dead-lettered")
    move(found, to: .deadLettered)
  }

  private mutating func train(_ trained: TrainedStep) throws {
    let record = "training step \(trained.step)"
    let last = try number("SELECT MAX(step) FROM steps", []) ?? UInt32(0)
    guard trained.step == last + 1 else {
      throw RunStoreError.refused(record: record, reason: "the last step trained is \(last)")
    }
    var (responses, tokens) = (0, 0)
    for (order, unit) in trained.units.enumerated() {
      // A unit named twice, here or in an earlier step, is no longer admitted.
      let found = try require(unit, in: [.admitted], for: record)
      let size = try statements.first("SELECT responses, tokens FROM groups WHERE position = ?", [.integer(found.position)]) {
        (responses: try $0.integer(0) as Int, tokens: try $0.integer(1) as Int)
      }
      guard let size else {
        throw RunStoreError.refused(record: record, reason: "the group of unit \(unit) is missing")
      }
      responses += size.responses
      tokens += size.tokens
      try run(
        "UPDATE units SET state = 'trained', trained_step = ?, trained_order = ? WHERE position = ?",
        [.integer(trained.step), .integer(order), .integer(found.position)])
      move(found, to: .trained)
    }
    let incarnation = try number("SELECT MAX(incarnation) FROM incarnations", []) ?? UInt32(0)
    try run(
      """
      INSERT INTO steps (step, incarnation, groups, responses, tokens, policy_sha256, trained_at, uptime)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(trained.step), .integer(incarnation), .integer(trained.units.count), .integer(responses), .integer(tokens),
        .blob(trained.policy.bytes), .real(now), .real(clock.monotonic()),
      ])
    for metric in trained.metrics {
      // A diverged run must still be able to say so: what is not a number is stored as NULL.
      try run(
        "INSERT INTO metrics (step, name, value) VALUES (?, ?, ?)",
        [.integer(trained.step), .text(metric.name), metric.value.isNaN ? nil : .real(metric.value)])
    }
    if let score = trained.evaluation { try note(score, of: trained.step) }
  }

  private func note(_ score: HeldOutScore, of step: UInt32) throws {
    try run(
      """
      INSERT OR REPLACE INTO evaluations (name, step, rows, accuracy, outcome, at) VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        .text(Evaluation.heldOut), .integer(step), .integer(score.rows), .real(score.accuracy), .real(score.outcome), .real(now),
      ])
  }

  private func retire(_ steps: [UInt32], forgetting: UInt32?) throws {
    for step in steps { try run("DELETE FROM checkpoints WHERE step = ?", [.integer(step)]) }
    guard let forgetting else { return }
    let old = "SELECT position FROM units WHERE state = 'trained' AND trained_step <= ?"
    try run(
      "DELETE FROM responses WHERE group_id IN (SELECT id FROM groups WHERE position IN (\(old)))", [.integer(forgetting)])
    try run("DELETE FROM groups WHERE position IN (\(old))", [.integer(forgetting)])
    try run(
      "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [.text(LedgerAudit.forgottenKey), .text("\(forgetting)")])
  }

  private func addCheckpoint(step: UInt32, path: String, policy: [UInt8]) throws {
    let trained = try statements.first("SELECT policy_sha256 FROM steps WHERE step = ?", [.integer(step)]) { try $0.blob(0) }
    let record = "checkpoint of step \(step)"
    if step > 0 {
      guard let trained else { throw RunStoreError.refused(record: record, reason: "the step was not trained") }
      guard trained == policy else {
        throw RunStoreError.refused(record: record, reason: "its policy is not the one that the step made")
      }
    }
    try run(
      "INSERT OR REPLACE INTO checkpoints (step, path, policy_sha256, made_at) VALUES (?, ?, ?, ?)",
      [.integer(step), .text(path), .blob(policy), .real(now)])
  }
}

extension JournalWriter {
  private mutating func move(_ unit: Unit, to state: UnitState) {
    moved[unit.state, default: 0] -= 1
    moved[state, default: 0] += 1
  }

  private func end(_ lease: LeaseID, _ ending: String) throws {
    try run(
      "UPDATE leases SET ended_at = ?, ending = ? WHERE incarnation = ? AND number = ?",
      [.real(now), .text(ending)] + lease.values)
  }

  private func endAllLeases(of unit: Unit, _ ending: String) throws {
    try run(
      "UPDATE leases SET ended_at = ?, ending = ? WHERE position = ? AND ended_at IS NULL", [.real(now), .text(ending), .integer(unit.position)])
  }

  private func openLeases(of unit: Unit) throws -> Int {
    try number("SELECT COUNT(*) FROM leases WHERE position = ? AND ended_at IS NULL", [.integer(unit.position)]) ?? 0
  }

  /// `lease`, if it counts for the unit.
  private func open(_ lease: LeaseID, of unit: Unit, for record: @autoclosure () -> String) throws -> OpenLease {
    let found = try statements.first(
      """
      SELECT attempt, generated_at IS NOT NULL FROM leases
      WHERE incarnation = ? AND number = ? AND position = ? AND ended_at IS NULL
      """, lease.values + [.integer(unit.position)]
    ) { OpenLease(attempt: try $0.integer(0), isGenerated: try $0.integer(1) as Int != 0) }
    guard let found else { throw RunStoreError.refused(record: record(), reason: "lease \(lease) does not count for it") }
    return found
  }

  private func require(
    _ unit: UnitID, in states: [UnitState], for record: @autoclosure () -> String
  ) throws -> Unit {
    guard let found = try find(unit) else {
      throw RunStoreError.refused(record: record(), reason: "unit \(unit) was never issued")
    }
    guard states.contains(found.state) else {
      throw RunStoreError.refused(record: record(), reason: "unit \(unit) is \(found.state.rawValue)")
    }
    return found
  }

  private func find(_ unit: UnitID) throws -> Unit? {
    try statements.first(
      "SELECT position, state, attempts FROM units WHERE epoch = ? AND prompt = ?", [.integer(unit.epoch), .integer(unit.prompt)]
    ) { Unit(position: try $0.integer(0), state: try UnitState(stored: $0.text(1)), attempts: try $0.integer(2)) }
  }

  private func run(_ sql: String, _ values: [SQLiteValue]) throws { try statements.run(sql, values) }

  /// - Returns: nil if there is no row, or NULL.
  private func number<Value: FixedWidthInteger>(_ sql: String, _ values: [SQLiteValue]) throws -> Value? {
    try statements.first(sql, values) { try $0.optionalInteger(0) } ?? nil
  }
}

extension LeaseID {
  fileprivate var values: [SQLiteValue] { [.integer(incarnation), .integer(number)] }
}

/// Conservation of work: the number of units issued is the sum over all states.
func checkConservation(_ db: Database) throws {
  let row = try Row.fetchOne(
    db.cachedStatement(
      sql: """
        SELECT (SELECT MAX(position) + 1 FROM units) AS issued, (SELECT SUM(units) FROM state_counts) AS counted
        """))
  let issued: Int? = try row?.value("issued")
  let counted: Int? = try row?.value("counted")
  guard issued ?? 0 == counted else {
    throw RunStoreError.refused(
      record: "the transaction", reason: "the counts by state do not sum to the number of units issued")
  }
}
