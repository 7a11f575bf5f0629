/// What can be seen of a learner's machine from outside, for those who check it.
extension LearnerRole {
  /// What one look at the machine shows.
  package struct Look: Sendable {
    package let isConserved: Bool
    package let issued: Int
    package let version: UInt64
    /// Leases that the peer is charged with, and those that it holds and has not reported as generated.
    package let lent: Int
    package let generating: Int
  }

  /// Changes nothing. It is mutating because the machine is large, and what is changed in place is not copied.
  package mutating func look(at peer: PeerID?) -> Look {
    var (lent, generating) = (0, 0)
    if let peer {
      lent = membership.lent(to: peer)
      for number in leases.numbers(heldBy: peer) {
        let (id, unit) = leases.identity(of: number)
        if ledger.isGenerating(unit, under: id) { generating += 1 }
      }
    }
    return Look(
      isConserved: ledger.isConserved, issued: ledger.issued, version: version, lent: lent, generating: generating)
  }

  /// When the lease was issued that has been out the longest.
  package var oldestLease: Instant? { leases.all.compactMap(\.record.issued).min() }
}
