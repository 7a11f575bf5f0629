internal import Cluster
internal import ClusterZeroMQ
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import RunStore
internal import Synchronization
internal import TrustGRPO

/// What the learner's process of a point reports.
struct ScaleLearnerReport: Sendable, Codable {
  /// The commits that made the first and the last of the measured groups durable, on the machine's clock.
  var start: Double
  var end: Double
  /// Groups that became durable in between.
  var groups: Int
  /// Seconds of all cores that the process used in that time, and those of its threads by name.
  var processorSeconds: Double
  var threads: [String: Double]
  var commits: Int
  /// Seconds of that time in which the journal's thread was in a commit.
  var committing: Double
  /// Messages that were dropped or refused, and other warnings.
  var warnings: Int
  var trainedTwice: Int
  var isComplete: Bool
}

/// The learner of a point: its service, journal and sockets as in a run, and a trainer that does nothing.
struct ScaleLearner {
  let plan: ScalePlan
  let folder: ScaleFolder

  func run() async throws {
    RoleProcess.raiseDescriptorLimit()
    let log = CountingLog()
    let store = try RunStore(path: folder.store)
    let journal = MeasuredJournal(store, plan)
    let offer = LearnerOffer(
      run: "scale", heartbeat: .seconds(plan.cluster.heartbeatSeconds), settings: "{}", trustGRPO: TrustGRPOSettings(),
      artifacts: [], groupSize: plan.responses, responseTokens: plan.tokens)
    let transport = try await ZeroMQLearnerTransport.open(
      bind: "tcp://127.0.0.1:0", keys: folder.keys.pair(of: RunKeys.learnerName), allowed: folder.keys.allowed(), limits: offer.limits,
      report: { log.note(.warning, $0) })
    try DurableFiles.write("tcp://127.0.0.1:\(transport.ports.control)\n", to: folder.endpoint)
    let trainer = ScaleTrainer()
    let rows = plan.steps * plan.promptsPerStep
    let service = LearnerService(
      offer: offer, transport: transport, trainer: trainer, catalogue: ScaleTask(count: rows), journal: journal,
      log: { log.note($0, $1) })
    let telling = tell(journal)
    defer { telling.cancel() }
    let end = try await service.run(
      settings: plan.learnerSettings, schedule: Schedule(rows: rows, seed: 0, shuffled: false), recovered: .new,
      manifest: ScaleTrainer.manifest(0))
    log.note(.info, "\(end)")
    try store.close()
    guard var report = journal.report else {
      throw RunError(
        code: "bench.scale-short", message: "the learner ended (\(end)) before \(plan.warmUp + plan.groups) groups were durable",
        advice: "look into \(folder.log(.learner))")
    }
    report.warnings = log.warnings
    report.trainedTwice = trainer.trainedTwice
    report.isComplete = end == .completed
    try folder.write(report, of: .learner)
  }

  /// For the progress line of whoever measures.
  private func tell(_ journal: MeasuredJournal) -> Task<Void, Never> {
    Task { [folder] in
      while !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(200))
        try? "\(journal.durable)".write(toFile: folder.progress, atomically: false, encoding: .utf8)
      }
    }
  }
}

/// The run's own journal, and what was used of the processor between two of its commits.
private final class MeasuredJournal: RunJournal {
  private struct Mark {
    let at: Double
    let durable: Int
    let processor: Double
    let threads: [String: Double]
    let commits: Int
    let committing: Double
  }

  private struct State {
    var durable = 0
    var commits = 0
    var committing = 0.0
    var start: Mark?
    var end: Mark?
  }

  private let store: RunStore
  private let plan: ScalePlan
  private let state = Mutex(State())

  init(_ store: RunStore, _ plan: ScalePlan) {
    self.store = store
    self.plan = plan
  }

  var durable: Int { state.withLock(\.durable) }

  var report: ScaleLearnerReport? {
    state.withLock { state in
      guard let start = state.start, let end = state.end else { return nil }
      return ScaleLearnerReport(
        start: start.at, end: end.at, groups: end.durable - start.durable, processorSeconds: end.processor - start.processor,
        threads: end.threads.merging(start.threads) { $0 - $1 }, commits: end.commits - start.commits,
        committing: end.committing - start.committing, warnings: 0, trainedTwice: 0, isComplete: false)
    }
  }

  func commit(_ records: [JournalRecord]) throws {
    let began = monotonicSeconds()
    try store.commit(records)
    let now = monotonicSeconds()
    let admitted = records.count { if case .admitted = $0 { true } else { false } }
    state.withLock { state in
      state.durable += admitted
      state.commits += 1
      state.committing += now - began
      if state.start == nil, state.durable >= plan.warmUp { state.start = mark(state, now) }
      if state.end == nil, let start = state.start, state.durable >= start.durable + plan.groups { state.end = mark(state, now) }
    }
  }

  private func mark(_ state: borrowing State, _ now: Double) -> Mark {
    Mark(
      at: now, durable: state.durable, processor: processorSeconds(), threads: MachineUsage.secondsByThread(),
      commits: state.commits, committing: state.committing)
  }

  func checkpoints() throws -> [CheckpointRecord] { try store.checkpoints() }
  func rollBack(to step: UInt32) throws -> RecoveredLedger { try store.rollBack(to: step) }
}

/// The log of a process, and how much of it was warnings.
final class CountingLog: Sendable {
  private let count = Mutex(0)
  private let write = PacedLog(logLine).log

  var warnings: Int { count.withLock { $0 } }

  func note(_ level: LogLevel, _ text: String) {
    if level >= .warning { count.withLock { $0 += 1 } }
    write(level, text)
  }
}
