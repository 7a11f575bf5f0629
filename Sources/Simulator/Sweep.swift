internal import Synchronization

/// Many seeds, several at a time.
package struct Sweep: Sendable {
  package struct Failure: Sendable, Hashable {
    package let seed: UInt64
    package let violation: Violation
    package let plan: [PlannedFault]
  }

  /// What came of all seeds.
  package struct Summary: Sendable {
    package fileprivate(set) var seeds = 0
    package fileprivate(set) var events = 0
    package fileprivate(set) var virtualSeconds = 0.0
    package fileprivate(set) var groups = SimulationReport.Groups(issued: 0, trained: 0, deadLettered: 0)
    package fileprivate(set) var faults: [FaultKind: Int] = [:]
    /// Of all seeds together.
    package fileprivate(set) var restarts = 0
    package fileprivate(set) var hedges = 0
    package fileprivate(set) var deltas = 0
    package fileprivate(set) var handedIn = 0
    /// By seed.
    package fileprivate(set) var failures: [Failure] = []
    /// Over the trace hashes of all seeds, whatever the order in which they were run.
    package fileprivate(set) var traceHash: UInt64 = 0

    /// Kinds among `wanted` that never acted.
    package func missing(of wanted: [FaultKind]) -> [FaultKind] { wanted.filter { faults[$0, default: 0] == 0 } }
  }

  private let jobs: Int
  /// The options that a seed is run with.
  private let options: @Sendable (UInt64) -> SimulationOptions

  package init(jobs: Int, options: @escaping @Sendable (UInt64) -> SimulationOptions) {
    self.jobs = jobs
    self.options = options
  }

  /// - Parameters:
  ///   - shouldStop: asked between seeds.
  ///   - progress: told after each seed.
  package func run(
    seeds: Range<UInt64>, shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (Summary) -> Void = { _ in }
  ) async -> Summary {
    let shared = Shared(seeds)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<jobs {
        group.addTask { [options] in
          while !shouldStop(), let seed = shared.takeSeed() {
            let options = options(seed)
            let plan = FaultPlan(seed: seed, options: options).drawn()
            progress(shared.add(Simulation(seed: seed, options: options, plan: plan).run(), plan))
          }
        }
      }
    }
    return shared.summary
  }

  /// What the jobs share.
  private final class Shared: Sendable {
    private let end: UInt64
    private let next: Mutex<UInt64>
    private let sum = Mutex(Summary())

    init(_ seeds: Range<UInt64>) {
      end = seeds.upperBound
      next = Mutex(seeds.lowerBound)
    }

    func takeSeed() -> UInt64? {
      next.withLock { next in
        guard next < end else { return nil }
        defer { next += 1 }
        return next
      }
    }

    func add(_ report: SimulationReport, _ plan: [PlannedFault]) -> Summary {
      sum.withLock { sum in
        sum.take(report, plan)
        return sum
      }
    }

    var summary: Summary {
      var summary = sum.withLock { $0 }
      summary.failures.sort { $0.seed < $1.seed }
      return summary
    }
  }
}

extension Sweep.Summary {
  fileprivate mutating func take(_ report: SimulationReport, _ plan: [PlannedFault]) {
    seeds += 1
    events += report.events
    virtualSeconds += report.virtualSeconds
    groups.issued += report.groups.issued
    groups.trained += report.groups.trained
    groups.deadLettered += report.groups.deadLettered
    restarts += report.tally.restarts
    hedges += report.tally.hedges
    deltas += report.tally.deltas
    handedIn += report.tally.handedIn
    for (kind, count) in report.faults { faults[kind, default: 0] += count }
    failures += report.violations.map { Sweep.Failure(seed: report.seed, violation: $0, plan: plan) }
    var hash = TraceHash()
    hash.mix(report.seed)
    hash.mix(report.traceHash)
    traceHash ^= hash.value
  }
}
