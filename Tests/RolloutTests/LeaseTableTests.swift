import Testing

@testable import Rollout

@Suite("The open leases")
struct LeaseTableTests {
  /// The same, as a list that is searched from end to end.
  private struct Listed {
    var id: LeaseID
    var worker: PeerID
    var deadline: Instant
    var issued: Instant?
    var isLone = false
  }

  private func record(_ number: UInt64, _ worker: PeerID, deadline: Instant, issued: Instant?) -> LeaseTable.Record {
    LeaseTable.Record(
      unit: UnitID(epoch: 0, prompt: UInt32(number)), attempt: 1, version: 0, step: 1, worker: worker,
      deadline: deadline, issued: issued, sent: issued)
  }

  @Test("by holder, deadline and age are those that a search of all leases finds", arguments: 0..<4 as Range<UInt64>)
  func random(seed: UInt64) {
    var draws = Draws(seed: seed)
    var table = LeaseTable()
    var list: [Listed] = []
    var now = Instant(nanoseconds: 1_000_000_000)
    let workers = (0..<50).map { PeerID(name: "w\($0)", connection: "c\($0)") }
    for number in 1...100 as ClosedRange<UInt64> {
      let id = LeaseID(incarnation: 1, number: number)
      let worker = PeerID(name: workers[draws.below(workers.count)].name, connection: "")
      table.reopen(id, record(number, worker, deadline: now + .seconds(20), issued: nil))
      list.append(Listed(id: id, worker: worker, deadline: now + .seconds(20)))
    }
    for _ in 0..<3000 {
      now = now + .milliseconds(draws.below(40))
      let worker = workers[draws.below(workers.count)]
      let chosen = list.isEmpty ? nil : draws.below(list.count)
      switch draws.below(10) {
      case 0..<3:
        let id = table.nextID(incarnation: 2)
        table.open(id, record(id.number, worker, deadline: now + .seconds(30), issued: now))
        list.append(Listed(id: id, worker: worker, deadline: now + .seconds(30), issued: now))
        #expect(table.unit(of: id, incarnation: 2)?.prompt == UInt32(id.number))
      case 3:
        let deadline = now + .seconds(draws.below(30))
        guard let chosen else { continue }
        let isMine = list[chosen].worker == PeerID(name: worker.name, connection: "")
        #expect((table.adopt(list[chosen].id, by: worker, deadline: deadline) != nil) == isMine)
        if isMine { (list[chosen].worker, list[chosen].deadline) = (worker, deadline) }
      case 4..<6:
        guard let chosen else { continue }
        table.close(list[chosen].id)
        #expect(table[list[chosen].id] == nil)
        list.remove(at: chosen)
      default:
        guard let chosen else { continue }
        let isLone = draws.chance(0.7)
        table.noteLone(list[chosen].id, isLone)
        list[chosen].isLone = isLone && list[chosen].issued != nil
      }
      // Opened in the order of their numbers, so the list is in order too.
      #expect(table.all.map(\.id) == list.map(\.id))
      #expect(table.held(by: worker).map(\.id) == list.filter { $0.worker == worker }.map(\.id))
      let overdue = table.overdue(at: now)
      #expect(overdue.map(\.id) == list.filter { $0.deadline <= now }.map(\.id))
      if draws.chance(0.2) {
        for (id, _) in overdue { table.close(id) }
        list.removeAll { $0.deadline <= now }
      }
      let straggler = table.straggler(after: .seconds(3), at: now) { $0.worker == worker ? nil : worker }
      let expected = list.first { lease in
        lease.isLone && lease.worker != worker && lease.issued.map { now - $0 > .seconds(3) } ?? false
      }
      #expect(straggler.map { LeaseID(incarnation: 2, number: UInt64($0.record.unit.prompt)) } == expected?.id)
      #expect(straggler?.issued == expected?.issued)
    }
  }

  @Test("a search for a straggler asks about leases that are old enough and no others")
  func cost() {
    var table = LeaseTable()
    let start = Instant(nanoseconds: 0)
    for number in 1...10_000 as ClosedRange<UInt64> {
      let id = table.nextID(incarnation: 1)
      let issued = start + .seconds(Int(number))
      table.open(id, record(number, .worker, deadline: issued + .seconds(60), issued: issued))
      table.noteLone(id, true)
    }
    var asked = 0
    let found = table.straggler(after: .zero, at: start + .seconds(6)) { _ in
      asked += 1
      return nil
    }
    #expect(found == nil && asked == 5)
  }
}
