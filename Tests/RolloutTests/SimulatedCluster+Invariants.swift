@testable import Rollout

/// What must hold after every event of a simulated run.
extension SimulatedCluster {
  func checkInvariants() throws {
    guard let learner else { return }
    guard learner.ledger.isConserved else { throw JournalModel.Breach(description: "work is not conserved") }
    for peer in learner.membership.workers {
      let open = learner.leases.held(by: peer).count { learner.ledger.isGenerating($0.record.unit, under: $0.id) }
      guard learner.membership.lent(to: peer) == open, open <= 2 else {
        throw JournalModel.Breach(
          description: "\(peer) holds \(open) leases and is charged with \(learner.membership.lent(to: peer))")
      }
    }
  }

  /// S3: what is acknowledged is on the disk.
  func checkDurable(_ leases: [LeaseID]) throws {
    for lease in leases {
      let row = journal.rows.values.first { $0.group?.lease == lease }
      guard row?.state == .admitted || row?.state == .trained else {
        throw JournalModel.Breach(description: "lease \(lease) was acknowledged before it was durable")
      }
    }
  }

  /// What is trained is of its step, in schedule order, and fresh enough (S6).
  mutating func checkBatch(_ step: UInt32, _ groups: [ScoredGroup]) throws {
    let positions = groups.compactMap { journal.order.firstIndex(of: $0.unit) }
    guard positions == positions.sorted(), positions.count == groups.count, groups.allSatisfy({ $0.step == step }) else {
      throw JournalModel.Breach(description: "step \(step) is not trained in schedule order")
    }
    for group in groups where UInt64(step) - 1 - group.version > UInt64(options.staleness) {
      throw JournalModel.Breach(description: "\(group.unit) is too old for step \(step)")
    }
    batch = groups
  }
}
