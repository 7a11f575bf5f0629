internal import Limits
internal import Rollout
internal import Synchronization

/// What more workers would bring: the simulator itself, undisturbed, for each number of workers and each bound of
/// staleness, in its steady state.
package struct Planning: Sendable {
  /// The cluster and the costs; workers and staleness are those of a row.
  package var base: SimulationOptions
  package var workers = Self.standardWorkers
  package var staleness = [0, 1, 2]
  /// Steps that are measured, after those in which the run finds its pace.
  package var steps = 8
  /// Events of one row, at most: what has been measured by then counts.
  package var eventBound = 8_000_000
  package var seed: UInt64 = 0

  package static let standardWorkers = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

  /// Share of the learner's loop that signs of life may take.
  private static let shareForHeartbeats = 0.2

  package init(base: SimulationOptions) {
    self.base = base
  }

  /// What came out for one number of workers and one bound of staleness.
  package struct Row: Sendable, Hashable {
    package let workers: Int
    package let staleness: Int
    /// Seconds between signs of life that it was simulated with.
    package let heartbeat: Double
    /// nil if not even one step was measured.
    package let state: SteadyState?
  }

  /// Steps in which the pipeline fills: the first is synchronous whatever the staleness.
  private func warmUp(_ staleness: Int) -> Int { 2 + 2 * staleness }

  /// What a row is simulated with.
  package func options(workers: Int, staleness: Int) -> SimulationOptions {
    var options = base
    options.workers = workers
    options.staleness = staleness
    options.steps = UInt32(warmUp(staleness) + Int(Simulation.patientSteps) + steps + 1)
    options.faults = .none
    options.keepsGroups = false
    options.scoresLocally = true
    options.keepsJournal = false
    options.scorerQueue = Limits.standard.messages.waiting
    options.startsWithWeights = true
    // So many workers say so seldom that they live that the learner's loop has most of its time for other things.
    let beats = 2 * options.costs.eventSeconds * Double(workers)
    options.heartbeat = max(options.heartbeat, (beats / Self.shareForHeartbeats * 2).rounded(.up) / 2)
    // Where a broadcast takes hours, nobody simulates a sign of life every second.
    let broadcast = Double(workers) * options.costs.modelBytes * (options.costs.deltaShare ?? 1) / options.costs.linkBytesPerSecond
    options.heartbeat = max(options.heartbeat, min((broadcast / 10).rounded(), 600))
    options.tick = max(options.tick, options.heartbeat / 2)
    // A small model goes in few pieces; of a large one the pieces must share the link fairly, as those of many workers do.
    options.chunks = max(2, min(32, Int(options.costs.modelBytes / 64e6), 4000 / workers))
    // Leases run out where a process is lost; here none is.
    options.leaseDuration = max(options.leaseDuration, 20 * options.secondsPerGroup, 4 * options.secondsPerStep, 20 * options.heartbeat,
      10 * Double(workers) * options.costs.modelBytes / options.costs.linkBytesPerSecond)
    options.hedgeAfter = nil
    options.resendAfter = options.leaseDuration
    options.peerTimeout = max(options.peerTimeout, 10 * options.heartbeat, options.leaseDuration)
    return options
  }

  package func row(workers: Int, staleness: Int, shouldStop: () -> Bool = { false }) throws -> Row {
    let options = options(workers: workers, staleness: staleness)
    let simulation = Simulation(seed: seed, options: options, plan: [])
    let first = UInt64(warmUp(staleness))
    let state = try simulation.measure(
      from: first, to: first + UInt64(steps), events: eventBound, shouldStop: shouldStop)
    return Row(workers: workers, staleness: staleness, heartbeat: options.heartbeat, state: state)
  }

  /// All rows, several at a time.
  ///
  /// - Parameter progress: told after each row how many are done.
  /// - Returns: by staleness, then by workers; those that were not done before it was to stop are missing.
  package func rows(
    jobs: Int, shouldStop: @escaping @Sendable () -> Bool = { false }, progress: @escaping @Sendable (Int) -> Void = { _ in }
  ) async throws -> [Row] {
    let table = Table(workers.sorted().flatMap { workers in staleness.map { (workers, $0) } })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<jobs {
        group.addTask {
          while !shouldStop(), let (workers, staleness) = table.takeLargest() {
            let row = try row(workers: workers, staleness: staleness, shouldStop: shouldStop)
            if shouldStop() { return }
            progress(table.add(row))
          }
        }
      }
      try await group.waitForAll()
    }
    return table.rows
  }

  /// What the jobs share.
  private final class Table: Sendable {
    private let wanted: Mutex<[(workers: Int, staleness: Int)]>
    private let done = Mutex<[Row]>([])

    init(_ wanted: [(Int, Int)]) {
      self.wanted = Mutex(wanted)
    }

    /// The largest take longest, and nobody should wait for one alone.
    func takeLargest() -> (Int, Int)? { wanted.withLock { $0.popLast() } }

    /// - Returns: how many are done.
    func add(_ row: Row) -> Int {
      done.withLock {
        $0.append(row)
        return $0.count
      }
    }

    var rows: [Row] { done.withLock { $0 }.sorted { ($0.staleness, $0.workers) < ($1.staleness, $1.workers) } }
  }
}

extension SimulationOptions {
  /// Seconds of a worker for one group, on a core of its own.
  package var secondsPerGroup: Double {
    costs.prefillSeconds + costs.responseTokens * Double(groupSize) / costs.tokensPerSecond
  }
}
