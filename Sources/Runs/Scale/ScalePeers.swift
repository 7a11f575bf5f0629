internal import Cluster
internal import ClusterZeroMQ
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import Synchronization

/// What a process of workers, or a scorer's, reports.
struct ScalePeerReport: Sendable, Codable {
  var usage: UsageSamples
  /// Workers only.
  var latencies = WorkerLatencies.Record()
  var warnings = 0
  /// How those ended that did not end with the run.
  var failures: [String] = []
}

/// A process that holds workers: each is a service and a transport of its own, as if it were alone.
struct ScaleWorkers {
  let plan: ScalePlan
  let folder: ScaleFolder
  let process: Int

  func run() async throws {
    RoleProcess.raiseDescriptorLimit()
    let usage = UsageRecorder()
    let log = CountingLog()
    try await folder.wait(for: folder.endpoint)
    let endpoint = try readEndpoint(folder)
    let own = plan.workers(of: process)
    let gate = StartingGate(workers: own.count)
    let stopwatches = own.map { _ in WorkerLatencies() }
    let settings = WorkerRole.Settings(link: plan.link, credit: plan.cluster.credit, grace: .seconds(3))
    let starting = Task { [folder, process] in
      while !gate.hasAll { try await Task.sleep(for: .milliseconds(10)) }
      try DurableFiles.write("\n", to: folder.ready(process))
      try await folder.wait(for: folder.start)
      gate.open()
    }
    var report = ScalePeerReport(usage: UsageSamples())
    report.failures = try await withThrowingTaskGroup(of: String?.self) { group in
      for (worker, stopwatch) in zip(own, stopwatches) {
        let name = "worker-\(worker)"
        let transport = try await ZeroMQPeerTransport.worker(
          learner: endpoint, keys: folder.keys.pair(of: name), learnerKey: folder.keys.publicKey(of: RunKeys.learnerName),
          report: { log.note(.warning, "\(name): \($0)") })
        let service = WorkerService(
          transport: transport, generator: ScaleGenerator(plan, worker: worker, gate: gate),
          files: ArtifactCache(root: "\(folder.path)/cache"), log: { log.note($0, "\(name): \($1)") },
          observe: { stopwatch.note($0) })
        group.addTask {
          let hello = Hello(role: .worker, host: "here", processID: getpid())
          let end = await service.run(hello: hello, settings: settings, seed: UInt64(worker))
          return end == .completed ? nil : "\(name): \(end)"
        }
      }
      return try await group.reduce(into: []) { failures, end in if let end { failures.append(end) } }
    }
    starting.cancel()
    for stopwatch in stopwatches { report.latencies.add(stopwatch.record) }
    report.usage = usage.stop()
    report.warnings = log.warnings
    try folder.write(report, of: .workers(process))
  }
}

/// A scorer's process.
struct ScaleScorerProcess {
  let plan: ScalePlan
  let folder: ScaleFolder
  let number: Int

  func run() async throws {
    RoleProcess.raiseDescriptorLimit()
    let usage = UsageRecorder()
    let log = CountingLog()
    try await folder.wait(for: folder.endpoint)
    let transport = try await ZeroMQPeerTransport.scorer(
      learner: try readEndpoint(folder), bind: "tcp://127.0.0.1:0", keys: folder.keys.pair(of: "scorer-\(number)"),
      learnerKey: folder.keys.publicKey(of: RunKeys.learnerName), report: { log.note(.warning, $0) })
    let service = ScorerService(
      transport: transport, scorer: try ScaleScorer(plan), files: ArtifactCache(root: "\(folder.path)/cache"), log: { log.note($0, $1) })
    let hello = Hello(
      role: .scorer, host: "here", processID: getpid(), endpoint: transport.endpoint, publicKey: transport.publicKey)
    let end = await service.run(hello: hello, settings: ScorerRole.Settings(link: plan.link), seed: UInt64(number))
    var report = ScalePeerReport(usage: usage.stop())
    report.warnings = log.warnings
    if end != .completed { report.failures = ["scorer-\(number): \(end)"] }
    try folder.write(report, of: .scorer(number))
  }
}

private func readEndpoint(_ folder: ScaleFolder) throws -> String {
  String(decoding: try DurableFiles.read(folder.endpoint, limit: 4096), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
}

extension WorkerLatencies.Record {
  fileprivate mutating func add(_ other: Self) {
    leases.add(other.leases)
    acknowledgements.add(other.acknowledgements)
    durable += other.durable
    unanswered += other.unanswered
    revoked += other.revoked
  }
}
