import Testing

@testable import Rollout

@Suite("The groups that are not trained yet")
struct UntrainedGroupsTests {
  private func group(_ number: UInt64, unit: UInt32) -> ScoredGroup {
    .sample(lease: LeaseID(incarnation: 1, number: number), unit: UnitID(epoch: 0, prompt: unit))
  }

  @Test("are found by unit and by lease until they are trained")
  func lookUp() {
    var groups = UntrainedGroups([group(1, unit: 5), group(2, unit: 5), group(3, unit: 6)])
    #expect(groups[UnitID(epoch: 0, prompt: 5)]?.lease.number == 1)
    #expect(groups.unit(under: LeaseID(incarnation: 1, number: 3))?.prompt == 6)
    #expect(groups.unit(under: LeaseID(incarnation: 1, number: 2)) == nil)
    groups.insert(group(4, unit: 7))
    #expect(groups.unit(under: LeaseID(incarnation: 1, number: 4))?.prompt == 7)
    groups.remove(UnitID(epoch: 0, prompt: 6))
    #expect(groups[UnitID(epoch: 0, prompt: 6)] == nil)
    #expect(groups.unit(under: LeaseID(incarnation: 1, number: 3)) == nil)
  }
}
