import DurableFiles

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
    /// Those that count, oldest first.
    var leases: [RecoveredLedger.Lease] = []
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
    case .leased(let unit, let lease, let attempt, let worker, let version):
      guard used.insert(lease).inserted, lease.incarnation == incarnation else {
        throw Breach(description: "lease \(lease) used twice")
      }
      try move(unit, from: [.queued, .leased]) { row in
        row.attempts += 1
        row.leases.append(
          .init(id: lease, unit: unit, attempt: attempt, version: version, worker: worker, isGenerated: false))
        return row.attempts == attempt && row.leases.count <= 2 ? .leased : nil
      }
    case .generated(let unit, let lease):
      try move(unit, from: [.leased, .generated]) { row in
        guard let index = row.leases.firstIndex(where: { $0.id == lease && !$0.isGenerated }) else { return nil }
        row.leases[index].isGenerated = true
        return .generated
      }
    case .leaseEnded(let unit, let lease, _):
      try move(unit, from: [.leased, .generated]) { row in
        guard let index = row.leases.firstIndex(where: { $0.id == lease }) else { return nil }
        row.leases.remove(at: index)
        return row.leases.isEmpty ? .queued : row.leases.contains(where: \.isGenerated) ? .generated : .leased
      }
    case .admitted(let group, _, _):
      try move(group.unit, from: [.leased, .generated]) { row in
        let isCounting = row.leases.contains { $0.id == group.lease && $0.attempt == group.attempt }
        row.group = group
        row.leases = []
        return isCounting ? .admitted : nil
      }
    case .deadLettered(let unit, _):
      try move(unit, from: [.queued, .leased, .generated]) { row in
        row.leases = []
        return .deadLettered
      }
    case .trained(let step):
      guard Int(step.step) == steps.count + 1 else { throw Breach(description: "step \(step.step) out of order") }
      for unit in step.units { try move(unit, from: [.admitted]) { $0.step == step.step ? .trained : nil } }
      steps.append(step)
    case .checkpointed(let step, _, let policy):
      guard steps.last(where: { $0.step == step })?.policy == policy else {
        throw Breach(description: "checkpoint of step \(step) of another policy")
      }
      checkpoints.append(step)
    case .retired(let steps, _):
      guard steps.allSatisfy({ checkpoints.contains($0) && $0 != checkpoints.last }) else {
        throw Breach(description: "checkpoints \(steps) of \(checkpoints) were retired")
      }
      checkpoints.removeAll { steps.contains($0) }
    }
  }

  private mutating func move(_ unit: UnitID, from states: [UnitState], _ next: (inout Row) -> UnitState?) throws {
    guard var row = rows[unit], states.contains(row.state) else {
      throw Breach(description: "\(unit) is \(rows[unit]?.state.rawValue ?? "unknown"), not one of \(states)")
    }
    guard let state = next(&row) else { throw Breach(description: "lease, attempt or step of \(unit) are not those issued") }
    row.state = state
    rows[unit] = row
  }

  /// What a learner finds that starts from the newest checkpoint.
  mutating func recover() -> (step: UInt32, ledger: RecoveredLedger) {
    let step = checkpoints.last ?? 0
    let takenBack = steps.filter { $0.step > step }.map { ($0.step, $0.policy) }
    steps.removeAll { $0.step > step }
    for unit in order {
      if let row = rows[unit], row.state == .trained, row.step > step { rows[unit]?.state = .admitted }
    }
    let kept = order.compactMap { rows[$0] }
    return (
      step,
      RecoveredLedger(
        incarnation: incarnation,
        units: kept.map { .init(unit: $0.unit, step: $0.step, state: $0.state, attempts: $0.attempts) },
        groups: kept.filter { $0.state == .admitted }.compactMap(\.group),
        leases: kept.flatMap(\.leases).sorted { $0.id < $1.id },
        checkpoints: checkpoints.map { .init(step: $0, path: "c\($0)", policy: SHA256Digest(of: []), accuracy: nil) },
        takenBack: Dictionary(takenBack) { first, _ in first })
    )
  }
}
