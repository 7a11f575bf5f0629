/// The leases that count, with their deadlines.
struct LeaseTable: Sendable {
  struct Record: Sendable {
    let unit: UnitID
    let attempt: UInt32
    let version: UInt64
    let step: UInt32
    /// Without a connection if the lease was issued by an earlier incarnation and its worker has not come back yet.
    var worker: PeerID
    var deadline: Instant
    /// nil if an earlier incarnation issued it.
    let issued: Instant?
    /// When the lease was last sent to the worker; nil if not by this incarnation.
    var sent: Instant?
  }

  private var open: [LeaseID: Record] = [:]
  /// The unit of every lease issued by this incarnation; index is the number less 1.
  private var units: [UnitID] = []

  subscript(id: LeaseID) -> Record? { open[id] }

  /// All open leases, oldest first.
  var all: [(id: LeaseID, record: Record)] { sorted { _ in true } }

  func nextID(incarnation: UInt32) -> LeaseID {
    LeaseID(incarnation: incarnation, number: UInt64(units.count) + 1)
  }

  /// The unit that this incarnation leased as `id`, whether or not the lease still counts.
  func unit(of id: LeaseID, incarnation: UInt32) -> UnitID? {
    guard id.incarnation == incarnation, id.number >= 1, id.number <= UInt64(units.count) else { return nil }
    return units[Int(id.number) - 1]
  }

  mutating func open(_ id: LeaseID, _ record: Record) {
    precondition(id.number == UInt64(units.count) + 1, "lease numbers are used once, in order")
    units.append(record.unit)
    open[id] = record
  }

  /// Takes up a lease of an earlier incarnation.
  mutating func reopen(_ id: LeaseID, _ record: Record) {
    open[id] = record
  }

  /// Gives what a worker of this name held under an earlier incarnation to the connection that it came back by.
  ///
  /// - Returns: the leases, oldest first.
  mutating func adopt(by peer: PeerID, deadline: Instant) -> [(id: LeaseID, record: Record)] {
    let found = sorted { $0.worker == PeerID(name: peer.name, connection: "") }
    for (id, _) in found {
      open[id]?.worker = peer
      open[id]?.deadline = deadline
    }
    return found
  }

  mutating func close(_ id: LeaseID) {
    open[id] = nil
  }

  mutating func noteSent(_ id: LeaseID, at now: Instant) {
    open[id]?.sent = now
  }

  /// Oldest first.
  func overdue(at now: Instant) -> [(id: LeaseID, record: Record)] {
    guard open.contains(where: { $0.value.deadline <= now }) else { return [] }
    return sorted { $0.deadline <= now }
  }

  /// Oldest first.
  func held(by peer: PeerID) -> [(id: LeaseID, record: Record)] { sorted { $0.worker == peer } }

  private func sorted(_ isWanted: (Record) -> Bool) -> [(id: LeaseID, record: Record)] {
    open.filter { isWanted($0.value) }.sorted { $0.key < $1.key }.map { (id: $0.key, record: $0.value) }
  }
}
