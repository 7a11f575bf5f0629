internal import Cluster
internal import DurableFiles
internal import Foundation
internal import Rollout

/// Puts a schedule's faults between the processes of a run.
struct ChaosWiring: ClusterWiring {
  let schedule: FaultSchedule
  let stage: Stage

  /// One address: the links take the same ports of others.
  func bind(_ setting: String) -> String { stage.hosts?.bind("learner") ?? "tcp://127.0.0.1:0" }

  func endpoint(for peer: LocalProcess, learner: LearnerAddresses) async throws -> String {
    guard let links = stage.links else { return learner.control }
    return try links.join(peer, learner)
  }

  func command(for process: LocalProcess) -> LocalProcess {
    var process = process
    let faults = schedule.faults.enumerated().filter { $0.element.whom.processName == process.name }
    let points = faults.compactMap { index, fault in fault.environment(token: stage.token(of: index + 1)) }
    if !points.isEmpty { process.environment["SOPHIA_FAULT"] = points.joined(separator: ";") }
    if let hosts = stage.hosts {
      process.prefix = hosts.prefix(process.name)
      if process.role == .scorer { process.arguments += ["--bind", hosts.bind(process.name)] }
    }
    if faults.contains(where: { $0.element.what == .clockJump }),
      let moved = try? stage.clocks.environment(for: process.name)
    {
      process.environment.merge(moved) { _, new in new }
      process.prefix += ClockFaults.prefix
    }
    if process.role == .scorer, let links = stage.links, let addresses = try? links.scorer(process) {
      process.arguments += ["--bind", addresses.bind, "--advertise", addresses.advertised]
    }
    return process
  }

  func note(_ event: LocalCluster.Event) { stage.board.note(event) }
}
