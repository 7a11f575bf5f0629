/// Where a learner listens.
package struct LearnerAddresses: Sendable, Hashable {
  /// `tcp://ADDRESS:PORT`: what peers join.
  package var control: String
  /// Ports of the same address that the welcome names.
  package var publish: UInt16
  package var data: UInt16
  package var pid: Int32

  package init(control: String, publish: UInt16, data: UInt16, pid: Int32) {
    self.control = control
    self.publish = publish
    self.data = data
    self.pid = pid
  }
}

/// How the processes of a local run are started and reach one another. Fault plans put themselves in between here; a run
/// that nothing disturbs takes the answers below.
package protocol ClusterWiring: Sendable {
  /// Where the learner is to listen, in place of `cluster.bind`.
  func bind(_ setting: String) -> String
  /// What `peer` joins, in place of the learner's control endpoint.
  func endpoint(for peer: LocalProcess, learner: LearnerAddresses) async throws -> String
  /// What is started for `process`, asked each time that it is.
  func command(for process: LocalProcess) -> LocalProcess
  /// Something happened to a process.
  func note(_ event: LocalCluster.Event)
}

extension ClusterWiring {
  package func bind(_ setting: String) -> String { setting }
  package func endpoint(for peer: LocalProcess, learner: LearnerAddresses) -> String { learner.control }
  package func command(for process: LocalProcess) -> LocalProcess { process }
  package func note(_ event: LocalCluster.Event) {}
}

/// Every process reaches every other one straight.
package struct DirectWiring: ClusterWiring {
  package init() {}
}
