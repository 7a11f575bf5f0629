internal import DurableFiles
internal import Rollout

/// An invariant does not hold.
package struct Violation: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  /// S1 to S15, L1 to L6.
  package let invariant: String
  package let message: String

  package init(_ invariant: String, _ message: String) {
    self.invariant = invariant
    self.message = message
  }

  package var description: String { "\(invariant): \(message)" }
}

/// A ledger of its own, made from the records that are durable, by rules that are written here once more: a record that
/// they do not allow breaks an invariant. What the learner believes plays no part.
struct LedgerJudge: Sendable {
  struct Row: Sendable {
    let unit: UnitID
    let step: UInt32
    var state = UnitState.queued
    var attempts: UInt32 = 0
    /// Those that count, oldest first.
    var leases: [RecoveredLedger.Lease] = []
    /// Apart from the row, because of most units nothing but the row is kept.
    private var kept: Kept?
    var group: ScoredGroup? {
      get { kept?.group }
      set { kept = newValue.map { Kept($0) } }
    }

    init(unit: UnitID, step: UInt32) {
      self.unit = unit
      self.step = step
    }
  }

  private final class Kept: Sendable {
    let group: ScoredGroup

    init(_ group: ScoredGroup) {
      self.group = group
    }
  }

  private(set) var incarnation: UInt32 = 0
  private(set) var rows: [Row] = []
  private(set) var steps: [TrainedStep] = []
  private(set) var checkpoints: [CheckpointRecord] = []
  private(set) var issued = 0
  private(set) var trained = 0
  private(set) var deadLettered = 0
  private var positions: [UnitID: Int] = [:]
  /// The last lease number of each incarnation: numbers only grow.
  private var lastLease: [UInt32: UInt64] = [:]
  /// Groups of steps up to this one are not kept.
  private var forgotten: UInt32 = 0

  /// The last step whose groups the journal need not hold any more.
  var forgottenThrough: UInt32 { forgotten }

  func row(of unit: UnitID) -> Row? { positions[unit].map { rows[$0] } }

  func state(of unit: UnitID) -> UnitState? { positions[unit].map { rows[$0].state } }

  mutating func take(_ record: JournalRecord) throws(Violation) {
    switch record {
    case .incarnation(let number):
      guard number > incarnation else { throw Violation("S4", "incarnation \(number) began after \(incarnation)") }
      incarnation = number
    case .issued(let position, let unit, let step):
      guard position == rows.count, positions[unit] == nil else {
        throw Violation("S1", "unit \(unit) was issued twice, or not at position \(rows.count) but at \(position)")
      }
      positions[unit] = position
      rows.append(Row(unit: unit, step: step))
      issued += 1
    case .leased(let unit, let lease, let attempt, let worker, let version):
      guard lease.incarnation == incarnation, lease.number > lastLease[incarnation] ?? 0 else {
        throw Violation("S7", "lease \(lease) was used before, or is not of incarnation \(incarnation)")
      }
      lastLease[incarnation] = lease.number
      try move(unit, from: [.queued, .leased], "S7") { row in
        row.attempts += 1
        row.leases.append(
          .init(id: lease, unit: unit, attempt: attempt, version: version, worker: worker, isGenerated: false))
        return row.attempts == attempt && row.leases.count <= 2 ? .leased : nil
      }
    case .generated(let unit, let lease):
      try move(unit, from: [.leased, .generated], "S7") { row in
        guard let index = row.leases.firstIndex(where: { $0.id == lease && !$0.isGenerated }) else { return nil }
        row.leases[index].isGenerated = true
        return .generated
      }
    case .leaseEnded(let unit, let lease, _):
      try move(unit, from: [.leased, .generated], "S7") { row in
        guard let index = row.leases.firstIndex(where: { $0.id == lease }) else { return nil }
        row.leases.remove(at: index)
        return row.leases.isEmpty ? .queued : row.leases.contains(where: \.isGenerated) ? .generated : .leased
      }
    case .admitted(let group, let worker, _):
      try move(group.unit, from: [.leased, .generated], "S7") { row in
        let isCounting = row.leases.contains {
          $0.id == group.lease && $0.attempt == group.attempt && $0.worker == worker
        }
        row.group = group
        row.leases = []
        return isCounting && row.step == group.step ? .admitted : nil
      }
    case .deadLettered(let unit, _):
      try move(unit, from: [.queued, .leased, .generated], "S1") { row in
        row.leases = []
        return .deadLettered
      }
      deadLettered += 1
    case .trained(let step): try train(step)
    case .checkpointed(let step, let path, let policy):
      guard Int(step) <= steps.count, step == 0 || steps[Int(step) - 1].policy == policy else {
        throw Violation("S11", "the checkpoint of step \(step) holds another policy than that step made")
      }
      checkpoints.removeAll { $0.step == step }
      checkpoints.append(CheckpointRecord(step: step, path: path, policy: policy, accuracy: nil))
    case .retired(let retired, let forgetting): try retire(retired, forgetting)
    }
  }

  private mutating func train(_ step: TrainedStep) throws(Violation) {
    guard Int(step.step) == steps.count + 1 else {
      throw Violation("S4", "step \(step.step) was trained after step \(steps.count)")
    }
    var last = -1
    for unit in step.units {
      guard let position = positions[unit], position > last else {
        throw Violation("S12", "step \(step.step) did not train its groups in the order of the schedule")
      }
      last = position
      try move(unit, from: [.admitted], "S2") { $0.step == step.step ? .trained : nil }
    }
    trained += step.units.count
    steps.append(step)
  }

  private mutating func retire(_ retired: [UInt32], _ forgetting: UInt32?) throws(Violation) {
    guard retired.allSatisfy({ step in checkpoints.contains { $0.step == step } && step != checkpoints.last?.step }) else {
      throw Violation("S11", "checkpoints \(retired) of \(checkpoints.map(\.step)) were retired")
    }
    checkpoints.removeAll { retired.contains($0.step) }
    guard let forgetting, forgetting > forgotten else { return }
    for position in rows.indices where rows[position].step > forgotten {
      guard rows[position].step <= forgetting else { break }
      if rows[position].state == .trained { rows[position].group = nil }
    }
    forgotten = forgetting
  }

  private mutating func move(
    _ unit: UnitID, from states: [UnitState], _ invariant: String, _ next: (inout Row) -> UnitState?
  ) throws(Violation) {
    guard let position = positions[unit] else { throw Violation("S1", "unit \(unit) was never issued") }
    guard states.contains(rows[position].state) else {
      let allowed = states.map(\.rawValue).joined(separator: " or ")
      throw Violation(invariant, "unit \(unit) is \(rows[position].state.rawValue) where it should be \(allowed)")
    }
    guard let state = next(&rows[position]) else {
      throw Violation(invariant, "lease, attempt, worker or step of unit \(unit) are not those that were issued")
    }
    rows[position].state = state
  }

  /// Goes back to the checkpoint of `step`, as a learner that starts does, and says what it finds.
  mutating func rollBack(to step: UInt32) -> RecoveredLedger {
    let takenBack = steps.dropFirst(Int(step)).map { ($0.step, $0.policy) }
    steps.removeLast(steps.count - Int(step))
    checkpoints.removeAll { $0.step > step }
    for position in rows.indices where rows[position].state == .trained && rows[position].step > step {
      rows[position].state = rows[position].group == nil ? .queued : .admitted
      trained -= 1
    }
    forgotten = min(forgotten, step)
    return RecoveredLedger(
      incarnation: incarnation,
      units: rows.map { .init(unit: $0.unit, step: $0.step, state: $0.state, attempts: $0.attempts) },
      groups: rows.filter { $0.state == .admitted }.compactMap(\.group),
      leases: rows.flatMap(\.leases).sorted { $0.id < $1.id }, checkpoints: checkpoints,
      takenBack: Dictionary(takenBack) { first, _ in first })
  }
}
