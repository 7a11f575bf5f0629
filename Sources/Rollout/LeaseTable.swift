/// The leases that count, with their deadlines.
struct LeaseTable: Sendable {
  struct Record: Sendable {
    let unit: UnitID
    let attempt: UInt32
    let version: UInt64
    let step: UInt32
    let worker: PeerID
    let deadline: Instant
    /// When the lease was last sent to the worker.
    var sent: Instant
  }

  private var open: [LeaseID: Record] = [:]
  /// The unit of every lease issued by this incarnation; index is the number less 1.
  private var units: [UnitID] = []

  subscript(id: LeaseID) -> Record? { open[id] }

  /// The unit that was leased as `id`, whether or not the lease still counts; nil if it was never issued here.
  func unit(of id: LeaseID) -> UnitID? {
    id.number >= 1 && id.number <= UInt64(units.count) ? units[Int(id.number) - 1] : nil
  }

  /// All open leases, oldest first.
  var all: [(id: LeaseID, record: Record)] {
    open.sorted { $0.key < $1.key }.map { (id: $0.key, record: $0.value) }
  }

  func nextID(incarnation: UInt32) -> LeaseID {
    LeaseID(incarnation: incarnation, number: UInt64(units.count) + 1)
  }

  mutating func open(_ id: LeaseID, _ record: Record) {
    precondition(id.number == UInt64(units.count) + 1, "lease numbers are used once, in order")
    units.append(record.unit)
    open[id] = record
  }

  mutating func close(_ id: LeaseID) {
    open[id] = nil
  }

  mutating func noteSent(_ id: LeaseID, at now: Instant) {
    open[id]?.sent = now
  }

  /// Oldest first.
  func overdue(at now: Instant) -> [(id: LeaseID, record: Record)] {
    open.filter { $0.value.deadline <= now }.sorted { $0.key < $1.key }.map { (id: $0.key, record: $0.value) }
  }

  /// Oldest first.
  func held(by peer: PeerID) -> [(id: LeaseID, record: Record)] {
    open.filter { $0.value.worker == peer }.sorted { $0.key < $1.key }.map { (id: $0.key, record: $0.value) }
  }
}
