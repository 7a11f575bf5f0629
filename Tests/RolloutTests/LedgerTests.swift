import Testing

@testable import Rollout

@Suite("The ledger")
struct LedgerTests {
  @Test("conserves work and follows its transition table under random operations", arguments: 0..<20 as Range<UInt64>)
  func conservation(seed: UInt64) {
    var draws = Draws(seed: seed)
    var ledger = Ledger()
    // The reference: every unit's state and lease, moved by the table in DESIGN's words.
    var expected: [UnitID: (state: UnitState, lease: LeaseID?)] = [:]
    let units = (0..<12).map { UnitID(epoch: 0, prompt: $0) }
    for number in 1...600 {
      let unit = units[draws.below(units.count)]
      let lease = LeaseID(incarnation: 1, number: UInt64(draws.chance(0.3) ? draws.below(number) : number))
      let before = expected[unit]
      func isOne(of states: UnitState...) -> Bool { before.map { states.contains($0.state) } ?? false }
      let counts = before?.lease == lease
      let (happened, allowed, next): (Bool, Bool, UnitState)
      switch draws.below(8) {
      case 0: (happened, allowed, next) = (ledger.issue(unit, step: 1), before == nil, .queued)
      case 1: (happened, allowed, next) = (ledger.lease(unit, as: lease) != nil, isOne(of: .queued), .leased)
      case 2:
        (happened, allowed, next) = (
          ledger.markGenerated(unit, lease: lease), isOne(of: .leased) && counts, .generated
        )
      case 3:
        (happened, allowed, next) = (
          ledger.markScored(unit, lease: lease), isOne(of: .leased, .generated) && counts, .scored
        )
      case 4: (happened, allowed, next) = (ledger.admit(unit), isOne(of: .scored), .admitted)
      case 5:
        (happened, allowed, next) = (
          ledger.requeue(unit, isFault: true), isOne(of: .leased, .generated), .queued
        )
      case 6: (happened, allowed, next) = (ledger.train(unit), isOne(of: .admitted), .trained)
      default:
        (happened, allowed, next) = (
          ledger.deadLetter(unit), isOne(of: .queued, .leased, .generated), .deadLettered
        )
      }
      #expect(happened == allowed)
      if allowed {
        let kept = next == .leased ? lease : next == .queued || next == .deadLettered ? nil : before?.lease
        expected[unit] = (next, kept)
      }
      #expect(ledger.isConserved && ledger.issued == expected.count)
      #expect(ledger.entry(of: unit)?.state == expected[unit]?.state)
      #expect(ledger.entry(of: unit)?.lease == expected[unit]?.lease)
    }
    for state in UnitState.allCases {
      #expect(ledger.count(state) == expected.values.count { $0.state == state })
    }
  }

  @Test("takes up what the journal holds, with attempts and without leases")
  func recovered() {
    let unit = UnitID(epoch: 0, prompt: 4)
    var ledger = Ledger(recovered: [.init(unit: unit, step: 1, state: .queued, attempts: 2)])
    #expect(ledger.lease(unit, as: LeaseID(incarnation: 2, number: 1)) == 3)
    #expect(ledger.isConserved)
  }

  @Test("a unit that is given back in good order has failed no more often than before")
  func faults() {
    let unit = UnitID(epoch: 0, prompt: 0)
    var ledger = Ledger()
    _ = ledger.issue(unit, step: 1)
    for (number, isFault) in [(1, true), (2, false), (3, true)] as [(UInt64, Bool)] {
      #expect(ledger.lease(unit, as: LeaseID(incarnation: 1, number: number)) == UInt32(number))
      let isQueued = ledger.requeue(unit, isFault: isFault)
      #expect(isQueued)
    }
    #expect(ledger.entry(of: unit)?.failures == 2)
  }
}
