import Rollout

/// Clusters that are made up.
enum SyntheticCluster {
  static func snapshot(step: UInt32 = 12, staleness: UInt32 = 1, peers: [ObservedPeer] = []) -> ClusterSnapshot {
    ClusterSnapshot(
      run: "geometry", incarnation: 2, host: "learner-0", processID: 77, uptime: 7500, step: step, totalSteps: 48, isTraining: false,
      activity: "waits for 5 groups of step 13", promptsPerStep: 20, ready: 15, idleShare: 0.25, groupsPerSecond: 12.5,
      tokensPerSecond: 12_800, units: [1, 2, 3, 4, 5, 6, 7], refusals: 8, duplicates: 9, staleness: staleness, peers: peers)
  }

  static func worker(
    _ name: String, host: String = "node-1", processID: Int32 = 100, state: ObservedPeer.State = .working, version: UInt64? = 12,
    idle: Double = 0.1, tokens: Double = 400, silence: Double = 0.5
  ) -> ObservedPeer {
    ObservedPeer(
      name: name, role: .worker, host: host, processID: processID, state: state, version: version, credit: 8, leases: 6, waiting: 1,
      idleShare: idle, tokensPerSecond: tokens, groups: 1234, silence: silence)
  }

  static func scorer(_ name: String, host: String = "node-0") -> ObservedPeer {
    ObservedPeer(
      name: name, role: .scorer, host: host, processID: 9, state: .working, version: nil, credit: 0, leases: 0, waiting: 4,
      idleShare: 0.4, tokensPerSecond: 0, groups: 99, silence: 0.2)
  }

  /// `count` workers `worker-0`, `worker-1`, ... and two scorers, by role and name as a learner lists them.
  static func large(_ count: Int) -> ClusterSnapshot {
    snapshot(
      peers: [scorer("scorer-0"), scorer("scorer-1")]
        + (0..<count).map { worker("worker-\($0)", host: "node-\($0 / 8).example.net", processID: Int32($0)) }.sorted { $0.name < $1.name })
  }
}
