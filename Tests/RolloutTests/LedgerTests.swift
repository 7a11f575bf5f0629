import Testing

@testable import Rollout

@Suite("The ledger")
struct LedgerTests {
  @Test("conserves work and follows its transition table under random operations", arguments: 0..<20 as Range<UInt64>)
  func conservation(seed: UInt64) {
    var draws = Draws(seed: seed)
    var ledger = Ledger()
    // The reference: every unit's state and leases, moved by the table in DESIGN's words.
    struct Expected {
      var state = UnitState.queued
      var leases: [LeaseID] = []
      var generated: Set<LeaseID> = []
    }
    var expected: [UnitID: Expected] = [:]
    let units = (0..<12).map { UnitID(epoch: 0, prompt: $0) }
    for number in 1...900 {
      let unit = units[draws.below(units.count)]
      let before = expected[unit]
      let out = before?.leases ?? []
      let fresh = LeaseID(incarnation: 1, number: UInt64(number))
      let lease = draws.chance(0.7) && !out.isEmpty ? out[draws.below(out.count)] : fresh
      func isOne(of states: UnitState...) -> Bool { before.map { states.contains($0.state) } ?? false }
      let counts = out.contains(lease)
      var after = before ?? Expected()
      let (happened, allowed): (Bool, Bool)
      switch draws.below(8) {
      case 0: (happened, allowed) = (ledger.issue(unit, step: 1), before == nil)
      case 1:
        (happened, allowed) = (ledger.lease(unit, as: fresh) != nil, isOne(of: .queued, .leased) && out.count < 2)
        after.state = .leased
        after.leases.append(fresh)
      case 2:
        (happened, allowed) = (
          ledger.markGenerated(unit, lease: lease),
          isOne(of: .leased, .generated) && counts && !after.generated.contains(lease)
        )
        after.state = .generated
        after.generated.insert(lease)
      case 3:
        (happened, allowed) = (ledger.markScored(unit, lease: lease), isOne(of: .leased, .generated) && counts)
        after.state = .scored
        after.leases = [lease]
      case 4:
        (happened, allowed) = (ledger.admit(unit), isOne(of: .scored))
        after.state = .admitted
      case 5:
        (happened, allowed) = (
          ledger.endLease(unit, lease: lease, isFault: true), isOne(of: .leased, .generated) && counts
        )
        after.leases.removeAll { $0 == lease }
        let isGenerated = after.leases.contains { after.generated.contains($0) }
        after.state = after.leases.isEmpty ? .queued : isGenerated ? .generated : .leased
      case 6:
        (happened, allowed) = (ledger.train(unit), isOne(of: .admitted))
        after.state = .trained
      default:
        (happened, allowed) = (ledger.deadLetter(unit), isOne(of: .queued, .leased, .generated))
        after.state = .deadLettered
        after.leases = []
      }
      #expect(happened == allowed)
      if allowed { expected[unit] = after }
      #expect(ledger.isConserved && ledger.issued == expected.count)
      #expect(ledger.entry(of: unit)?.state == expected[unit]?.state)
      #expect(ledger.entry(of: unit)?.leases.map(\.id) == expected[unit]?.leases)
    }
    for state in UnitState.allCases {
      #expect(ledger.count(state) == expected.values.count { $0.state == state })
    }
  }

  @Test("takes up what the journal holds, with attempts and the leases that were out")
  func recovered() {
    let (queued, out) = (UnitID(epoch: 0, prompt: 4), UnitID(epoch: 0, prompt: 5))
    let lease = LeaseID(incarnation: 1, number: 7)
    var ledger = Ledger(
      recovered: RecoveredLedger(
        incarnation: 1,
        units: [
          .init(unit: queued, step: 1, state: .queued, attempts: 2), .init(unit: out, step: 1, state: .leased, attempts: 1),
        ], groups: [],
        leases: [.init(id: lease, unit: out, attempt: 1, version: 0, worker: "w1", isGenerated: false)]))
    #expect(ledger.lease(queued, as: LeaseID(incarnation: 2, number: 1)) == 3)
    let isScored = ledger.markScored(out, lease: lease)
    #expect(isScored && ledger.isConserved)
  }

  @Test("a unit that is given back in good order has failed no more often than before")
  func faults() {
    let unit = UnitID(epoch: 0, prompt: 0)
    var ledger = Ledger()
    _ = ledger.issue(unit, step: 1)
    for (number, isFault) in [(1, true), (2, false), (3, true)] as [(UInt64, Bool)] {
      #expect(ledger.lease(unit, as: LeaseID(incarnation: 1, number: number)) == UInt32(number))
      let isQueued = ledger.endLease(unit, lease: LeaseID(incarnation: 1, number: number), isFault: isFault)
      #expect(isQueued)
    }
    #expect(ledger.entry(of: unit)?.failures == 2)
  }
}
