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

  typealias Lease = (id: LeaseID, record: Record)

  private var open = NumberedTable<LeaseID, Lease>()
  private var deadlines = IndexedHeap<Instant>()
  /// Those that may be hedged. This incarnation issued them, one after the other: the oldest has been out longest.
  private var lone = IndexedHeap<LeaseID>()
  /// The numbers of what each worker holds, oldest first.
  private var holdings: [PeerID: [Int]] = [:]
  /// The unit of every lease issued by this incarnation; index is the number less 1.
  private var units: [UnitID] = []

  subscript(id: LeaseID) -> Record? { open.number(of: id).map { open.byNumber[$0].record } }

  func isOpen(_ id: LeaseID) -> Bool { open.number(of: id) != nil }

  /// All open leases, oldest first.
  var all: [Lease] { open.values.sorted { $0.id < $1.id } }

  func nextID(incarnation: UInt32) -> LeaseID {
    LeaseID(incarnation: incarnation, number: UInt64(units.count) + 1)
  }

  /// The unit that this incarnation leased as `id`, whether or not the lease still counts.
  func unit(of id: LeaseID, incarnation: UInt32) -> UnitID? {
    guard id.incarnation == incarnation, id.number >= 1, id.number <= UInt64(units.count) else { return nil }
    return units[Int(id.number) - 1]
  }

  mutating func open(_ id: LeaseID, _ record: Record) {
    precondition(id.number <= UInt64(units.count) + 1, "lease numbers are used in order")
    units.append(record.unit)
    add(id, record)
  }

  /// Takes up a lease of an earlier incarnation.
  mutating func reopen(_ id: LeaseID, _ record: Record) {
    close(id)
    add(id, record)
  }

  /// Gives a lease that an earlier incarnation issued to a worker of this name to the connection that it came back by.
  ///
  /// - Returns: the lease; nil if it is none of those.
  mutating func adopt(_ id: LeaseID, by peer: PeerID, deadline: Instant) -> Record? {
    guard let number = open.number(of: id) else { return nil }
    let former = open.byNumber[number].record.worker
    guard former == PeerID(name: peer.name, connection: "") else { return nil }
    letGo(number, by: former)
    open.byNumber[number].record.worker = peer
    open.byNumber[number].record.deadline = deadline
    deadlines.set(number, to: deadline)
    hold(number, by: peer)
    return open.byNumber[number].record
  }

  mutating func close(_ id: LeaseID) {
    guard let number = open.remove(id) else { return }
    deadlines.remove(number)
    lone.remove(number)
    letGo(number, by: open.byNumber[number].record.worker)
  }

  mutating func noteSent(_ id: LeaseID, at now: Instant) {
    guard let number = open.number(of: id) else { return }
    open.byNumber[number].record.sent = now
  }

  /// Notes whether the lease is the only one that is out for its unit, and its group is still to be generated. One that
  /// an earlier incarnation issued is not hedged.
  mutating func noteLone(_ id: LeaseID, _ isLone: Bool) {
    guard let number = open.number(of: id) else { return }
    if isLone, open.byNumber[number].record.issued != nil { lone.set(number, to: id) } else { lone.remove(number) }
  }

  /// When the oldest lone lease was issued.
  var oldestLone: Instant? { lone.first.flatMap { open.byNumber[$0].record.issued } }

  /// The oldest lone lease that has been out for longer than `patience` and that another worker can be found for.
  func straggler(
    after patience: Duration, at now: Instant, _ worker: (Record) -> PeerID?
  ) -> (record: Record, issued: Instant, worker: PeerID)? {
    for number in lone.ascending {
      guard let issued = open.byNumber[number].record.issued, now - issued > patience else { return nil }
      if let worker = worker(open.byNumber[number].record) { return (open.byNumber[number].record, issued, worker) }
    }
    return nil
  }

  /// Oldest first.
  func overdue(at now: Instant) -> [Lease] {
    guard let first = deadlines.firstKey, first <= now else { return [] }
    return deadlines.prefix { $0 <= now }.map { open.byNumber[$0] }.sorted { $0.id < $1.id }
  }

  /// Oldest first.
  func held(by peer: PeerID) -> [Lease] { holdings[peer]?.map { open.byNumber[$0] } ?? [] }

  /// The numbers of what the peer holds, oldest first: for those who want less than `held` gives.
  func numbers(heldBy peer: PeerID) -> [Int] { holdings[peer] ?? [] }

  func identity(of number: Int) -> (id: LeaseID, unit: UnitID) {
    (open.byNumber[number].id, open.byNumber[number].record.unit)
  }

  private mutating func add(_ id: LeaseID, _ record: Record) {
    let number = open.add((id, record), for: id)
    deadlines.set(number, to: record.deadline)
    hold(number, by: record.worker)
  }

  private mutating func hold(_ number: Int, by peer: PeerID) {
    let id = open.byNumber[number].id
    let older = holdings[peer]?.lastIndex { open.byNumber[$0].id < id }
    holdings[peer, default: []].insert(number, at: older.map { $0 + 1 } ?? 0)
  }

  private mutating func letGo(_ number: Int, by peer: PeerID) {
    guard let held = holdings.index(forKey: peer) else { return }
    holdings.values[held].removeAll { $0 == number }
    if holdings.values[held].isEmpty { holdings.remove(at: held) }
  }
}
