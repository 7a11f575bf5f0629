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
    /// What the unit is out on, oldest first: one lease, or two while a straggler is hedged. Once a group is taken only
    /// its own is left.
    package internal(set) var leases: [Out] = []
    /// A unit that keeps failing is not leased again before this.
    package internal(set) var notBefore: Instant?
  }

  /// A lease that counts.
  package struct Out: Sendable, Hashable {
    package let id: LeaseID
    /// Whether its worker has reported the group as generated and pushed.
    package internal(set) var isGenerated = false
  }

  package private(set) var entries: [Entry] = []
  private var positions: [UnitID: Int] = [:]
  /// The number of units in each state, in the order of `UnitState.allCases`.
  private var tally = Array(repeating: 0, count: UnitState.allCases.count)
  private var queue = UnitQueue()

  package init() {}

  /// Takes up what the journal holds, with the leases that were out when it ended.
  package init(recovered: RecoveredLedger) {
    for unit in recovered.units {
      append(Entry(unit: unit.unit, step: unit.step, state: unit.state, attempts: unit.attempts))
    }
    for lease in recovered.leases {
      guard let position = positions[lease.unit] else { continue }
      entries[position].leases.append(Out(id: lease.id, isGenerated: lease.isGenerated))
    }
    for group in recovered.groups {
      guard let position = positions[group.unit] else { continue }
      entries[position].leases = [Out(id: group.lease, isGenerated: true)]
    }
  }

  package var issued: Int { entries.count }

  /// Conservation of work (S1): the number issued is the sum over all states.
  package var isConserved: Bool {
    var sum = 0
    for count in tally { sum += count }
    return sum == entries.count
  }

  package var counts: [UnitState: Int] { Dictionary(uniqueKeysWithValues: zip(UnitState.allCases, tally)) }

  package func count(_ state: UnitState) -> Int { tally[state.index] }

  package func entry(of unit: UnitID) -> Entry? { positions[unit].map { entries[$0] } }

  /// Enters a unit at the next position.
  ///
  /// - Returns: false if the unit has entered before.
  package mutating func issue(_ unit: UnitID, step: UInt32) -> Bool {
    guard positions[unit] == nil else { return false }
    append(Entry(unit: unit, step: step, state: .queued, attempts: 0))
    return true
  }

  /// The first queued unit that may be leased now.
  mutating func nextQueued(at now: Instant) -> Entry? { queue.next(at: now).map { entries[$0] } }

  /// queued -> leased; or a second lease for a unit that is leased once, to hedge a straggler.
  ///
  /// - Returns: the attempt's number, or nil if the unit can have no (further) lease.
  package mutating func lease(_ unit: UnitID, as lease: LeaseID) -> UInt32? {
    guard let position = position(of: unit, in: [.queued, .leased]), entries[position].leases.count < 2 else { return nil }
    entries[position].attempts += 1
    entries[position].leases.append(Out(id: lease))
    move(position, to: .leased)
    return entries[position].attempts
  }

  /// Whether `lease` counts and its worker has not reported the group as generated.
  package func isGenerating(_ unit: UnitID, under lease: LeaseID) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]) else { return false }
    return entries[position].leases.contains { $0.id == lease && !$0.isGenerated }
  }

  /// leased -> generated, if `lease` is one that counts; a hedged unit may be generated twice.
  package mutating func markGenerated(_ unit: UnitID, lease: LeaseID) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]),
      let index = entries[position].leases.firstIndex(where: { $0.id == lease && !$0.isGenerated })
    else { return false }
    entries[position].leases[index].isGenerated = true
    move(position, to: .generated)
    return true
  }

  /// leased or generated -> scored, if `lease` is one that counts; from here on it is the only one. A unit is scored
  /// while its journal record is on the way to the disk.
  package mutating func markScored(_ unit: UnitID, lease: LeaseID) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]),
      let out = entries[position].leases.first(where: { $0.id == lease })
    else { return false }
    entries[position].leases = [out]
    move(position, to: .scored)
    return true
  }

  /// scored -> admitted: the group is durable.
  package mutating func admit(_ unit: UnitID) -> Bool {
    guard let position = position(of: unit, in: [.scored]) else { return false }
    move(position, to: .admitted)
    return true
  }

  /// Ends `lease` without a group: leased or generated -> queued, unless another lease is out for the unit.
  ///
  /// - Parameter isFault: whether it speaks against the unit; a worker that leaves in good order does not.
  package mutating func endLease(_ unit: UnitID, lease: LeaseID, isFault: Bool) -> Bool {
    guard let position = position(of: unit, in: [.leased, .generated]),
      let index = entries[position].leases.firstIndex(where: { $0.id == lease })
    else { return false }
    entries[position].leases.remove(at: index)
    if isFault { entries[position].failures += 1 }
    let rest = entries[position].leases
    move(position, to: rest.isEmpty ? .queued : rest.contains(where: \.isGenerated) ? .generated : .leased)
    return true
  }

  /// Keeps a queued unit from being leased for a while.
  package mutating func holdBack(_ unit: UnitID, until: Instant) {
    guard let position = position(of: unit, in: [.queued]) else { return }
    entries[position].notBefore = until
    queue.pause(position, until: until)
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
    entries[position].leases = []
    move(position, to: .deadLettered)
    return true
  }

  private func position(of unit: UnitID, in states: [UnitState]) -> Int? {
    guard let position = positions[unit], states.contains(entries[position].state) else { return nil }
    return position
  }

  private mutating func move(_ position: Int, to state: UnitState) {
    tally[entries[position].state.index] -= 1
    tally[state.index] += 1
    entries[position].state = state
    if state == .queued { queue.add(position) } else { queue.remove(position) }
  }

  private mutating func append(_ entry: Entry) {
    if entry.state == .queued { queue.add(entries.count) }
    positions[entry.unit] = entries.count
    tally[entry.state.index] += 1
    entries.append(entry)
  }
}

extension UnitState {
  fileprivate var index: Int {
    switch self {
    case .queued: 0
    case .leased: 1
    case .generated: 2
    case .scored: 3
    case .admitted: 4
    case .trained: 5
    case .deadLettered: 6
    }
  }
}
