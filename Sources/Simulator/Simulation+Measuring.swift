internal import Rollout

/// What a run in its steady state does: the learner's steps after the first ones, from the publication of one version to
/// that of a later one.
struct Measuring {
  /// The version whose publication begins it, and the one whose publication ends it.
  private(set) var first: UInt64
  private(set) var last: UInt64
  var began: Sums?
  var ended: Sums?
  private var groups = 0
  /// Of groups that were trained after `first`.
  private var trained = (groups: 0, lag: 0.0, largestLag: 0)
  private var published: [UInt64: Instant] = [:]
  /// The newest version that each worker has sampled from, by process.
  private var reached: [UInt64]
  private var delays: [Double] = []

  /// Sums until a moment.
  struct Sums {
    var at: Instant
    var groups: Int
    var busy: [Role: Double]
    /// Of jobs that are done: seconds that they took, and would have taken on cores of their own.
    var stretch: [Role: JobSeconds]
    var loop: Double
    var journal: Double
    var bytesFromLearner: Double
  }

  struct JobSeconds {
    var took = 0.0
    var alone = 0.0
  }

  init(first: UInt64, last: UInt64, processes: Int) {
    self.first = first
    self.last = last
    reached = Array(repeating: 0, count: processes)
  }

  /// Begins with this version: all workers take part by now, or some are not going to.
  mutating func begin(with version: UInt64, _ sums: Sums) {
    last += version - first
    first = version
    began = sums
    trained = (0, 0, 0)
    delays = []
  }

  /// A worker that joins late has to ask for its first version again; one that has loaded one that was trained is in step.
  func areInStep(_ workers: Range<Int>) -> Bool { workers.allSatisfy { reached[$0] > 0 } }

  var isComplete: Bool { began != nil && published[last] != nil }
  var groupsTrained: Int { groups }

  mutating func note(trained batch: [ScoredGroup], in step: UInt32) {
    groups += batch.count
    guard UInt64(step) > first, UInt64(step) <= last else { return }
    for group in batch {
      let lag = Int(UInt64(step) - 1 - group.version)
      trained.groups += 1
      trained.lag += Double(lag)
      trained.largestLag = max(trained.largestLag, lag)
    }
  }

  mutating func note(published version: UInt64, at now: Instant) {
    published[version] = now
  }

  /// A worker that passes a version over has it when it has a later one.
  mutating func note(loaded version: UInt64, by process: Int, at now: Instant) {
    guard process < reached.count, version > reached[process] else { return }
    for passed in max(reached[process] + 1, first)...max(version, first) where passed < last {
      if let since = published[passed] { delays.append((now - since).inSeconds) }
    }
    reached[process] = version
  }

  /// What has come of it; nil if not even one step has been measured.
  ///
  /// - Parameter workers: the processes that are workers.
  func result(_ workers: Range<Int>, scorers: Int, linkBytesPerSecond: Double, responses: Int) -> SteadyState? {
    guard let began, let ended, ended.at > began.at, ended.groups > began.groups else { return nil }
    let seconds = (ended.at - began.at).inSeconds
    func idle(_ role: Role, _ count: Int) -> Double {
      max(0, 1 - ((ended.busy[role] ?? 0) - (began.busy[role] ?? 0)) / (seconds * Double(max(count, 1))))
    }
    func stretch(_ role: Role) -> Double {
      let alone = (ended.stretch[role]?.alone ?? 0) - (began.stretch[role]?.alone ?? 0)
      return alone > 0 ? ((ended.stretch[role]?.took ?? 0) - (began.stretch[role]?.took ?? 0)) / alone : 1
    }
    // Who has not got a version yet has waited for it at least until now.
    var missing: [Double] = []
    for (version, since) in published where version >= first && version < last {
      let count = workers.count { reached[$0] < version }
      missing += Array(repeating: (ended.at - since).inSeconds, count: count)
    }
    let all = (delays + missing).sorted()
    return SteadyState(
      seconds: seconds, groups: ended.groups - began.groups,
      responses: (ended.groups - began.groups) * responses,
      workerIdle: idle(.worker, workers.count), scorerIdle: idle(.scorer, scorers), learnerIdle: idle(.learner, 1),
      loopBusy: min(1, (ended.loop - began.loop) / seconds),
      journalBusy: min(1, (ended.journal - began.journal) / seconds),
      linkBusy: min(1, (ended.bytesFromLearner - began.bytesFromLearner) / seconds / linkBytesPerSecond),
      meanStaleness: trained.groups > 0 ? trained.lag / Double(trained.groups) : 0, largestStaleness: trained.largestLag,
      medianBroadcast: all.isEmpty ? 0 : all[all.count / 2], lastBroadcast: all.last ?? 0, hasReachedAll: missing.isEmpty,
      stretch: .init(worker: stretch(.worker), scorer: stretch(.scorer), learner: stretch(.learner)))
  }
}

/// What was measured of a simulated run in its steady state.
package struct SteadyState: Sendable, Hashable, Codable {
  /// By how much longer jobs took than on cores of their own.
  package struct Stretch: Sendable, Hashable, Codable {
    package var worker = 1.0
    package var scorer = 1.0
    package var learner = 1.0

    package init(worker: Double = 1, scorer: Double = 1, learner: Double = 1) {
      (self.worker, self.scorer, self.learner) = (worker, scorer, learner)
    }
  }

  /// Virtual seconds that were measured, and what was trained in them.
  package var seconds: Double
  package var groups: Int
  package var responses: Int
  /// Shares of that time, averaged over the processes of a role, in which its engine had nothing to do.
  package var workerIdle: Double
  package var scorerIdle: Double
  package var learnerIdle: Double
  /// Share of that time in which the learner's event loop was busy, its journal besides waiting for the disk, and its link.
  package var loopBusy: Double
  package var journalBusy = 0.0
  package var linkBusy: Double
  /// Versions that trained groups lagged behind the policy that they were trained on.
  package var meanStaleness: Double
  package var largestStaleness: Int
  /// Seconds from a version's publication to where half of the workers, and all of them, sample from it or a later one.
  package var medianBroadcast: Double
  package var lastBroadcast: Double
  /// Whether all did before the end; otherwise the last broadcast took longer than it says.
  package var hasReachedAll: Bool
  package var stretch: Stretch

  package var responsesPerSecond: Double { Double(responses) / seconds }
  package var groupsPerSecond: Double { Double(groups) / seconds }
}

extension Simulation {
  /// Runs until `last` is published, without the checks of liveness, and says what happened since `first` was.
  ///
  /// - Parameters:
  ///   - first: it begins later if workers are not in step by then, and ends as much later.
  ///   - events: after which it ends even so, with what has been measured.
  ///   - shouldStop: asked now and then.
  /// - Returns: nil if not even one step was measured.
  package func measure(
    from first: UInt64, to last: UInt64, events bound: Int = .max, shouldStop: () -> Bool = { false }
  ) throws -> SteadyState? {
    measuring = Measuring(first: first, last: last, processes: options.workers + options.scorers + 1)
    try setUp()
    while let next = queue.popFirst() {
      now = next.at
      tally.events += 1
      try perform(next.event)
      if measuring?.isComplete == true || end != nil || tally.events >= bound { break }
      if tally.events % 65536 == 0, shouldStop() { return nil }
    }
    return measuring?.result(
      1..<1 + options.workers, scorers: options.scorers, linkBytesPerSecond: options.costs.linkBytesPerSecond,
      responses: options.groupSize)
  }

  /// Steps for which a measurement waits for workers that are not in step.
  static var patientSteps: UInt64 { 12 }

  func measurePublished(_ version: UInt64) {
    guard let first = measuring?.first, let last = measuring?.last else { return }
    measuring?.note(published: version, at: now)
    guard version >= first, measuring?.began == nil || version <= last else { return }
    let sums = sums
    guard measuring?.began == nil else {
      measuring?.ended = sums
      return
    }
    if measuring?.areInStep(1..<1 + options.workers) == true || version >= first + Self.patientSteps {
      measuring?.begin(with: version, sums)
    }
  }

  private var sums: Measuring.Sums {
    var busy: [Role: Double] = [:]
    for role in [Role.learner, .scorer, .worker] { busy[role] = runningSeconds(of: role) }
    for process in processes.indices { busy[processes[process].role, default: 0] += busySeconds(of: process) }
    return Measuring.Sums(
      at: now, groups: measuring?.groupsTrained ?? 0, busy: busy, stretch: stretch, loop: learnerLoopSeconds, journal: journalSeconds,
      bytesFromLearner: bytesFromLearner)
  }
}
