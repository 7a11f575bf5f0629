package import Rollout

/// Whoever can ask a learner what it knows of its cluster.
package protocol ClusterObserver: Sendable {
  /// - Throws: an `ActionableError`, also where the learner does not answer in time.
  func cluster() async throws -> ClusterSnapshot
  func story(of unit: UnitID) async throws -> UnitStory
}

extension ObservedPeer {
  /// Steps that its policy is behind one of version `step`; nil if it has none, as a scorer.
  func behind(step: UInt32) -> UInt64? {
    version.map { UInt64(step) > $0 ? UInt64(step) - $0 : 0 }
  }

  /// A process and where it runs: `node-7:4242`.
  var place: String { "\(host):\(processID)" }
}
