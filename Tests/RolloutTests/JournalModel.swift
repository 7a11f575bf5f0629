@testable import Rollout

/// The journal as tables in memory, and a judge of its own: a record that the ledger's rules do not allow is a breach.
struct JournalModel {
  struct Breach: Error, CustomStringConvertible {
    let description: String
  }

  struct Row {
    let unit: UnitID
    let step: UInt32
    var state = UnitState.queued
    var attempts: UInt32 = 0
    var lease: LeaseID?
    var group: ScoredGroup?
  }

  private(set) var incarnation: UInt32 = 0
  private(set) var order: [UnitID] = []
  private(set) var rows: [UnitID: Row] = [:]
  private(set) var steps: [TrainedStep] = []
  private(set) var checkpoints: [UInt32] = []
  private var used: Set<LeaseID> = []

  mutating func commit(_ records: [JournalRecord]) throws {
    for record in records { try take(record) }
  }

  private mutating func take(_ record: JournalRecord) throws {
    switch record {
    case .incarnation(let number):
      guard number > incarnation else { throw Breach(description: "incarnation \(number) after \(incarnation)") }
      incarnation = number
    case .issued(let position, let unit, let step):
      guard position == order.count, rows[unit] == nil else { throw Breach(description: "\(unit) issued twice or apart") }
      order.append(unit)
      rows[unit] = Row(unit: unit, step: step)
    case .leased(let unit, let lease, let attempt, _, _):
      guard used.insert(lease).inserted, lease.incarnation == incarnation else {
        throw Breach(description: "lease \(lease) used twice")
      }
      try move(unit, from: [.queued], to: .leased) { row in
        row.attempts += 1
        row.lease = lease
        return row.attempts == attempt
      }
    case .generated(let unit, let lease):
      try move(unit, from: [.leased], to: .generated) { $0.lease == lease }
    case .requeued(let unit, let lease, _):
      try move(unit, from: [.leased, .generated], to: .queued) { row in
        defer { row.lease = nil }
        return row.lease == lease
      }
    case .admitted(let group, _, _):
      try move(group.unit, from: [.leased, .generated], to: .admitted) { row in
        row.group = group
        return row.lease == group.lease && row.attempts == group.attempt
      }
    case .deadLettered(let unit, _):
      try move(unit, from: [.queued, .leased, .generated], to: .deadLettered) { _ in true }
    case .trained(let step):
      guard Int(step.step) == steps.count + 1 else { throw Breach(description: "step \(step.step) out of order") }
      for unit in step.units { try move(unit, from: [.admitted], to: .trained) { $0.step == step.step } }
      steps.append(step)
    case .checkpointed(let step, _, let policy):
      guard steps.last(where: { $0.step == step })?.policy == policy else {
        throw Breach(description: "checkpoint of step \(step) of another policy")
      }
      checkpoints.append(step)
    }
  }

  private mutating func move(
    _ unit: UnitID, from states: [UnitState], to state: UnitState, _ check: (inout Row) -> Bool
  ) throws {
    guard var row = rows[unit], states.contains(row.state) else {
      throw Breach(description: "\(unit) is \(rows[unit]?.state.rawValue ?? "unknown") and cannot become \(state.rawValue)")
    }
    guard check(&row) else { throw Breach(description: "lease, attempt or step of \(unit) are not those issued") }
    row.state = state
    rows[unit] = row
  }

  /// What a learner finds that starts from the newest checkpoint.
  mutating func recover() -> (step: UInt32, ledger: RecoveredLedger) {
    let step = checkpoints.last ?? 0
    steps.removeAll { $0.step > step }
    for unit in order {
      guard let row = rows[unit] else { continue }
      switch row.state {
      case .trained where row.step > step: rows[unit]?.state = .admitted
      case .leased, .generated, .scored: rows[unit]?.state = .queued
      default: break
      }
      rows[unit]?.lease = nil
    }
    let kept = order.compactMap { rows[$0] }
    return (
      step,
      RecoveredLedger(
        incarnation: incarnation,
        units: kept.map { .init(unit: $0.unit, step: $0.step, state: $0.state, attempts: $0.attempts) },
        groups: kept.filter { $0.state == .admitted }.compactMap(\.group))
    )
  }
}
