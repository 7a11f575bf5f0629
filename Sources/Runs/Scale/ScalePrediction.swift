internal import Foundation
internal import Limits
package import Simulator

/// What the simulator says of other points, with costs that were measured at one: seconds of a core that a group takes of each
/// part, and that a worker takes without any.
///
/// All processes share what others leave of the machine's cores. Nothing else is fitted: where a group costs more or less with other numbers
/// of workers than at the point of the measurement, the prediction is wrong by that.
package struct ScalePrediction: Sendable {
  package let costs: CostModel
  /// Workers of the point that the costs are from.
  package let workers: Int
  private let heartbeat: Double

  /// - Parameters:
  ///   - measured: workers as fast as they go.
  ///   - roundTrip: seconds of a message and its answer over a run's sockets (`TransportBenchmark`).
  package init(from measured: ScaleMeasurement, roundTrip: Double) {
    workers = measured.plan.workers
    heartbeat = measured.plan.cluster.heartbeatSeconds
    let groups = measured.groupsPerSecond
    let journal = measured.learnerThreads["journal"] ?? 0
    // Two messages a group, a word of each commit, and signs of life.
    let events = 2 * groups + measured.commitsPerSecond + Double(measured.plan.workers + measured.plan.scorers) / heartbeat
    var costs = CostModel()
    costs.responseTokens = 1
    costs.tokensPerSecond = 1e9
    costs.spread = 0
    costs.prefillSeconds = max(0, measured.workerCores - measured.idleWorkerCores) / groups
    costs.scoringSeconds = measured.scorerCores / groups
    (costs.stepSeconds, costs.trainingSecondsPerGroup, costs.loadSeconds, costs.checkpointSeconds) = (0, 0, 0, 0)
    costs.modelBytes = 512
    costs.linkBytesPerSecond = 1e9
    costs.latency = roundTrip / 2
    costs.jitter = roundTrip / 4
    costs.fsyncSeconds = Self.fsyncSeconds
    costs.eventSeconds = max(0, measured.learnerCores - journal) / events
    costs.journalSecondsPerGroup = journal / groups
    costs.upkeepSeconds = Self.upkeep(measured)
    self.costs = costs
  }

  /// Of a disk that nothing else uses; a commit waits for one, however many groups are in it.
  private static let fsyncSeconds = 0.001

  /// Of a worker beside others in its process. What the process itself takes is that of a scorer's, which has one role.
  private static func upkeep(_ measured: ScaleMeasurement) -> Double {
    let (workers, processes) = (measured.plan.workers, measured.plan.workerProcesses)
    guard workers > processes else { return 0 }
    let process = measured.idleScorerCores / Double(measured.plan.scorers)
    return max(0, measured.idleWorkerCores - Double(processes) * process) / Double(workers - processes)
  }

  /// - Parameter cores: that all processes share; nil: each has a machine of its own, as in a cluster.
  package func state(of plan: ScalePlan, cores: Double?) throws -> SteadyState? {
    var options = SimulationOptions()
    options.scorers = plan.scorers
    options.credit = plan.cluster.credit
    options.promptsPerStep = plan.promptsPerStep
    options.rows = Limits.standard.messages.peers * 8
    options.groupSize = plan.responses
    options.heartbeat = heartbeat
    options.checkpointEvery = .max
    options.costs = costs
    options.costs.cores = cores
    var planning = Planning(base: options)
    planning.steps = max(4, min(24, 8192 / plan.promptsPerStep))
    return try planning.row(workers: plan.workers, staleness: ScalePlan.staleness).state
  }
}
