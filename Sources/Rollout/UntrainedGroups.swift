/// Groups scored or admitted and not yet trained.
struct UntrainedGroups: Sendable {
  private var groups: [UnitID: ScoredGroup] = [:]
  private var units: [LeaseID: UnitID] = [:]

  /// - Parameter recovered: of a unit that comes twice the first one counts.
  init(_ recovered: [ScoredGroup]) {
    for group in recovered where groups[group.unit] == nil { insert(group) }
  }

  subscript(unit: UnitID) -> ScoredGroup? { groups[unit] }

  /// The unit whose group came under the lease.
  func unit(under lease: LeaseID) -> UnitID? { units[lease] }

  mutating func insert(_ group: ScoredGroup) {
    groups[group.unit] = group
    units[group.lease] = group.unit
  }

  mutating func remove(_ unit: UnitID) {
    guard let group = groups.removeValue(forKey: unit) else { return }
    units[group.lease] = nil
  }
}
