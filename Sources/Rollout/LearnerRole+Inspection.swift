/// What can be seen of a learner's machine from outside, for those who check it.
extension LearnerRole {
  /// Leases that `peer` is charged with.
  package func lent(to peer: PeerID) -> Int { membership.lent(to: peer) }

  /// Leases that `peer` holds and has not reported as generated.
  package func generating(by peer: PeerID) -> Int {
    leases.held(by: peer).count { ledger.isGenerating($0.record.unit, under: $0.id) }
  }

  /// When the lease was issued that has been out the longest.
  package var oldestLease: Instant? { leases.all.compactMap(\.record.issued).min() }
}
