import DurableFiles
import Testing

@testable import Rollout

@Suite("A whole run under faults")
struct SimulatedClusterTests {
  private func run(_ seed: UInt64, _ options: SimulatedCluster.Options) throws -> SimulatedCluster {
    var cluster = SimulatedCluster(seed: seed, options)
    do {
      try cluster.run()
    } catch {
      throw JournalModel.Breach(description: "seed \(seed): \(error)")
    }
    return cluster
  }

  private func policy(_ cluster: SimulatedCluster) -> SHA256Digest? { cluster.journal.steps.last?.policy }

  /// The policy of a run in which nothing goes wrong.
  private func undisturbed() throws -> SHA256Digest? {
    var options = SimulatedCluster.Options(workers: 1, scorers: 1)
    options.calmAfter = 0
    return policy(try run(0, options))
  }

  @Test("in synchronous mode every run trains every unit once and ends with the policy of the undisturbed run")
  func synchronous() throws {
    let expected = try undisturbed()
    var (hedges, deltasApplied) = (0, 0)
    for seed in 1...150 as ClosedRange<UInt64> {
      var options = SimulatedCluster.Options()
      options.workers = 1 + Int(seed % 4)
      let cluster = try run(seed, options)
      #expect(cluster.end == .completed, "seed \(seed)")
      #expect(cluster.journal.rows.values.allSatisfy { $0.state == .trained }, "seed \(seed)")
      #expect(cluster.journal.steps.flatMap(\.units) == cluster.journal.order, "seed \(seed)")
      #expect(policy(cluster) == expected, "seed \(seed)")
      hedges += cluster.hedges
      deltasApplied += cluster.deltasApplied
    }
    #expect(hedges > 50 && deltasApplied > 150)
  }

  @Test("a learner that dies and goes on from its checkpoint ends with the policy of the undisturbed run")
  func learnerDeaths() throws {
    let expected = try undisturbed()
    var (restarts, handedIn) = (0, 0)
    for seed in 1...100 as ClosedRange<UInt64> {
      var options = SimulatedCluster.Options()
      options.learnerDeaths = 0.1
      let cluster = try run(seed, options)
      #expect(cluster.end == .completed && policy(cluster) == expected, "seed \(seed)")
      restarts += cluster.restarts
      handedIn += cluster.handedIn
    }
    #expect(restarts > 100)
    // What the workers held through the restarts was not generated again.
    #expect(handedIn > 100)
  }

  @Test("in asynchronous mode no sample is older than allowed, and every unit is trained once", arguments: [1, 2])
  func asynchronous(staleness: Int) throws {
    for seed in 1...75 as ClosedRange<UInt64> {
      var options = SimulatedCluster.Options()
      options.staleness = staleness
      options.steps = 6
      let cluster = try run(seed, options)
      #expect(cluster.end == .completed, "seed \(seed)")
      #expect(cluster.journal.steps.flatMap(\.units) == cluster.journal.order, "seed \(seed)")
    }
  }

  @Test("poison is dead-lettered and holds nothing up")
  func poison() throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      var options = SimulatedCluster.Options()
      options.poison = 2
      options.maximumAttempts = 30
      options.deaths = 0
      let cluster = try run(seed, options)
      #expect(cluster.end == .completed, "seed \(seed)")
      for row in cluster.journal.rows.values {
        #expect(row.state == (row.unit.prompt == 2 ? .deadLettered : .trained), "seed \(seed): \(row.unit)")
      }
    }
  }

  @Test("once the network is calm a run ends within a bound, however bad it was before")
  func liveness() throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      var options = SimulatedCluster.Options()
      (options.loss, options.deaths, options.delay, options.learnerDeaths) = (0.4, 0.1, 3, 0.02)
      let cluster = try run(seed, options)
      #expect(cluster.end == .completed && cluster.endedAt < options.calmAfter + 60, "seed \(seed): \(cluster.endedAt) s")
    }
  }

  @Test("the same seed gives the same run, event for event")
  func deterministic() throws {
    var options = SimulatedCluster.Options()
    options.learnerDeaths = 0.05
    #expect(try run(3, options).trace == run(3, options).trace)
    #expect(try run(3, options).trace != run(4, options).trace)
  }
}
