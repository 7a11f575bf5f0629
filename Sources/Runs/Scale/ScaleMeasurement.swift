internal import Foundation
internal import Rollout
internal import RunStore

/// What was measured of one point, and what the ledger says of it afterwards.
package struct ScaleMeasurement: Sendable, Codable {
  /// Half of the waits are shorter, and all but a hundredth.
  package struct Latency: Sendable, Codable, Hashable {
    package var median: Double
    package var p99: Double
    package var count: Int

    /// - Parameter sorted: seconds, shortest first.
    init(_ sorted: [Double]) {
      func at(_ share: Double) -> Double { sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] }
      (median, p99, count) = (at(0.5), at(0.99), sorted.count)
    }
  }

  package let plan: ScalePlan
  /// Until every worker had joined and held the first weights.
  package let joinSeconds: Double
  /// Of what was measured, and the groups that became durable in it.
  package let seconds: Double
  package let groups: Int
  package let lease: Latency
  package let acknowledgement: Latency
  /// Cores that were busy on average: of the learner's process, of all workers' and all scorers', and of the machine with
  /// whatever else runs on it.
  package let learnerCores: Double
  package let workerCores: Double
  package let scorerCores: Double
  package let machineCores: Double
  /// The learner's, by thread.
  package let learnerThreads: [String: Double]
  /// Bytes a second that the loopback interface carried: each group twice, from worker to scorer and on to the learner.
  package let bytesPerSecond: Double
  /// Of all workers together before they had anything to do, joined and with the first weights; and of all scorers.
  package let idleWorkerCores: Double
  package let idleScorerCores: Double
  package let commitsPerSecond: Double
  /// Share of the time in which the journal was in a commit.
  package let committing: Double
  package let warnings: Int

  // The count afterwards
  /// Groups in the ledger, and those that a worker was told are durable.
  package let admitted: Int
  package let acknowledged: Int
  /// Acknowledged groups that are not in the ledger, and units that were issued and not trained.
  package let lost: Int
  package let trainedTwice: Int
  /// What else is wrong, one sentence each.
  package let problems: [String]

  /// That other programs left for it on average, of so many.
  package func coresLeft(of cores: Double) -> Double {
    max(0.1, cores - max(0, machineCores - learnerCores - workerCores - scorerCores))
  }

  package var groupsPerSecond: Double { Double(groups) / seconds }
  package var leasesPerSecond: Double { Double(lease.count) / seconds }
  package var isSound: Bool { lost == 0 && trainedTwice == 0 && problems.isEmpty }

  init(
    _ plan: ScalePlan, _ folder: ScaleFolder, joined: Double, idle: Range<Double>, machine: UsageSamples, loopback: UsageSamples
  ) throws {
    let learner = try folder.report(ScaleLearnerReport.self, of: .learner)
    let workers = try (0..<plan.workerProcesses).map { try folder.report(ScalePeerReport.self, of: .workers($0)) }
    let scorers = try (0..<plan.scorers).map { try folder.report(ScalePeerReport.self, of: .scorer($0)) }
    let (start, end) = (learner.start, learner.end)
    let seconds = end - start
    func cores(_ reports: [ScalePeerReport], _ time: Range<Double>) -> Double {
      reports.reduce(0) { $0 + $1.usage.used(from: time.lowerBound, to: time.upperBound) } / (time.upperBound - time.lowerBound)
    }
    func latency(_ waits: KeyPath<WorkerLatencies.Record, WorkerLatencies.Waits>) -> Latency {
      var all = WorkerLatencies.Waits()
      for report in workers { all.add(report.latencies[keyPath: waits]) }
      return Latency(all.sorted(from: start, to: end))
    }
    self.plan = plan
    joinSeconds = joined
    self.seconds = seconds
    groups = learner.groups
    lease = latency(\.leases)
    acknowledgement = latency(\.acknowledgements)
    learnerCores = learner.processorSeconds / seconds
    learnerThreads = learner.threads.mapValues { $0 / seconds }
    workerCores = cores(workers, start..<end)
    idleWorkerCores = cores(workers, idle)
    idleScorerCores = cores(scorers, idle)
    scorerCores = cores(scorers, start..<end)
    machineCores = machine.used(from: start, to: end) / seconds
    bytesPerSecond = loopback.used(from: start, to: end) / seconds
    commitsPerSecond = Double(learner.commits) / seconds
    committing = learner.committing / seconds
    warnings = learner.warnings + (workers + scorers).reduce(0) { $0 + $1.warnings }

    let reader = try RunReader(path: folder.store)
    let audit = try reader.audit()
    let inLedger = try reader.leasesOfGroups()
    let told = Set(workers.flatMap(\.latencies.durable).map { LeaseID(incarnation: 1, number: $0) })
    let trained = audit.counts[.trained] ?? 0
    admitted = audit.groups
    acknowledged = told.count
    lost = told.subtracting(inLedger).count + (audit.issued - trained)
    trainedTwice = learner.trainedTwice
    var problems = audit.problems
    if !learner.isComplete { problems.append("The learner did not end with the run complete.") }
    if audit.groups != trained { problems.append("The ledger holds \(audit.groups) groups, and \(trained) units were trained.") }
    problems += (workers + scorers).flatMap(\.failures).prefix(5).map { "It ended early: \($0)." }
    self.problems = problems
  }
}
