/// The state of every unit of work that has entered the run.
///
/// Positions of the schedule enter in order and never leave; `counts` sums to the number issued after every call.
package struct Ledger: Sendable {
  package struct Entry: Sendable, Hashable {
    package let unit: UnitID
    /// Step of training the unit belongs to, from 1.
    package let step: UInt32
    package internal(set) var state: UnitState
    /// Times the unit has been leased.
    package internal(set) var attempts: UInt32
    /// Times that a lease ended without a group through a fault that may lie in the unit. A learner that starts again
    /// counts anew.
    package internal(set) var failures: UInt32 = 0
    /// The lease that counts while the unit is leased, generated or scored.
    package internal(set) var lease: LeaseID?
  }

  package private(set) var entries: [Entry] = []
  package private(set) var counts: [UnitState: Int] = [:]
  private var positions: [UnitID: Int] = [:]

  package init() {}

  /// Takes up what the journal holds.
  package init(recovered units: [RecoveredLedger.Unit]) {
    for unit in units {
      append(Entry(unit: unit.unit, step: unit.step, state: unit.state, attempts: unit.attempts, lease: nil))
    }
  }

  package var issued: Int { entries.count }

  /// Conservation of work (S1): the number issued is the sum over all states.
  package var isConserved: Bool { counts.values.reduce(0, +) == entries.count }

  package func count(_ state: UnitState) -> Int { counts[state, default: 0] }

  package func entry(of unit: UnitID) -> Entry? { positions[unit].map { entries[$0] } }

  /// Enters a unit at the next position.
  ///
  /// - Returns: false if the unit has entered before.
  package mutating func issue(_ unit: UnitID, step: UInt32) -> Bool {
    guard positions[unit] == nil else { return false }
    append(Entry(unit: unit, step: step, state: .queued, attempts: 0, lease: nil))
    return true
  }

  /// queued -> leased. - Returns: the attempt's number, or nil if the unit is not queued.
  package mutating func lease(_ unit: UnitID, as lease: LeaseID) -> UInt32? {
    guard let position = position(of: unit, in: [.queued]) else { return nil }
    entries[position].attempts += 1
    entries[position].lease = lease
    move(position, to: .leased)
    return entries[position].attempts
  }

  /// leased -> generated, if `lease` is the one that counts.
  package mutating func markGenerated(_ unit: UnitID, lease: LeaseID) -> Bool {
    guard let position = position(of: unit, in: [.leased]), entries[position].lease == lease else { return false }
    move(position, to: .generated)
    return true
  }

  /// leased or generated -> scored, if `lease` is the one that counts. A unit is scored while its journal record is
  /// on the way to the disk.
  package mutating func markScored(_ unit: UnitID, lease: LeaseID) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]), entries[position].lease == lease else {
      return false
    }
    move(position, to: .scored)
    return true
  }

  /// scored -> admitted: the group is durable.
  package mutating func admit(_ unit: UnitID) -> Bool {
    guard let position = position(of: unit, in: [.scored]) else { return false }
    move(position, to: .admitted)
    return true
  }

  /// leased or generated -> queued.
  ///
  /// - Parameter isFault: whether it speaks against the unit; a worker that leaves in good order does not.
  package mutating func requeue(_ unit: UnitID, isFault: Bool) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]) else { return false }
    entries[position].lease = nil
    if isFault { entries[position].failures += 1 }
    move(position, to: .queued)
    return true
  }

  /// admitted -> trained.
  package mutating func train(_ unit: UnitID) -> Bool {
    guard let position = position(of: unit, in: [.admitted]) else { return false }
    move(position, to: .trained)
    return true
  }

  /// queued, leased or generated -> dead-lettered.
  package mutating func deadLetter(_ unit: UnitID) -> Bool {
    guard let position = position(of: unit, in: [.queued, .leased, .generated]) else { return false }
    entries[position].lease = nil
    move(position, to: .deadLettered)
    return true
  }

  private func position(of unit: UnitID, in states: [UnitState]) -> Int? {
    guard let position = positions[unit], states.contains(entries[position].state) else { return nil }
    return position
  }

  private mutating func move(_ position: Int, to state: UnitState) {
    counts[entries[position].state, default: 0] -= 1
    counts[state, default: 0] += 1
    entries[position].state = state
  }

  private mutating func append(_ entry: Entry) {
    positions[entry.unit] = entries.count
    counts[entry.state, default: 0] += 1
    entries.append(entry)
  }
}
