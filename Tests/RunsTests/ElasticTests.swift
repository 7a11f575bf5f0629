import Foundation
import GRDB
import RunStore
import Testing

/// How the leases of a run ended, in the order in which they were given.
func endings(in path: String) throws -> [String] {
  try DatabaseQueue(path: path, configuration: .reading).read { db in
    try String.fetchAll(db, sql: "SELECT IFNULL(ending, 'open') FROM leases ORDER BY incarnation, number")
  }
}

extension Configuration {
  fileprivate static var reading: Configuration {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(10)
    return configuration
  }
}

/// Workers come and go while the run goes on.
@Suite(.serialized) struct ElasticTests {
  /// A lease that was not given back would hold the run up for longer than the test waits.
  private static let patient = ["cluster.leaseSeconds=600", "cluster.peerTimeoutSeconds=300", "cluster.hedgeAfter=0"]

  @Test("two and four workers give the bits of one", arguments: [2, 4])
  func numbers(workers: Int) throws {
    let undisturbed = try UndisturbedRun.shared
    let outcome = try undisturbed.world.run("\(workers)-workers", workers: workers, overrides: UndisturbedRun.overrides)
    #expect(outcome.status == 0, "\(outcome.errors)")
    try undisturbed.expectSame("\(workers)-workers")
  }

  @Test("every worker is stopped in good order and started again while the run goes on, and no group is lost")
  func rollingRestart() throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let roles = try RolesByHand("rolling", in: world, overrides: Self.patient)
    defer { roles.end() }
    let learner = try roles.learner()
    _ = try roles.scorer()
    // Each stops itself with a lease in its hands, so that the run cannot be over before its turn.
    let faults = (0..<2).map { _ in Fault(.stop, "worker", "leased", in: world) }
    let workers = try (0..<2).map { try roles.worker($0, fault: faults[$0]) }
    try eventually("both hold leases") { faults.allSatisfy(\.hasStruck) && workers.allSatisfy { isStopped($0.pid) } }
    for (number, worker) in workers.enumerated() {
      worker.signal(SIGTERM)
      worker.signal(SIGCONT)
      #expect(try worker.end() == .exited(75), "\(worker.log)")
      _ = try roles.worker(number)
    }
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("rolling")
    try expectNoFailure("rolling", in: world)
  }

  @Test("a worker leaves for good with leases in its hands, one that joins late gets them at once")
  func leavingAndJoining() throws {
    let undisturbed = try UndisturbedRun.shared
    let world = undisturbed.world
    let roles = try RolesByHand("leaving", in: world, overrides: Self.patient)
    defer { roles.end() }
    let fault = Fault(.stop, "worker", "generating", after: 3, in: world)
    let learner = try roles.learner()
    _ = try roles.scorer()
    let leaving = try roles.worker(0, credit: 3, fault: fault)
    try eventually("the worker stops with all leases of the second step") {
      try fault.hasStruck && isStopped(leaving.pid) && endings(in: roles.folder.store).count == 6
    }
    leaving.signal(SIGTERM)
    leaving.signal(SIGCONT)
    #expect(try leaving.end() == .exited(75), "\(leaving.log)")
    // What is under way is finished and handed in; the others are given back.
    try eventually("the leases are given back") { try !endings(in: roles.folder.store).contains("open") }
    let ended = try endings(in: roles.folder.store)
    #expect(ended.count { $0 == "admitted" } >= 4 && ended.allSatisfy { $0 == "admitted" || $0.contains("worker-0") }, "\(ended)")
    let late = try roles.worker(1)
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    #expect(try late.end() == .exited(0), "\(late.log)")
    try undisturbed.expectSame("leaving")
    try expectNoFailure("leaving", in: world)
  }

  /// Leases ended with their group, or were given back.
  private func expectNoFailure(_ name: String, in world: World) throws {
    let endings = try endings(in: "\(world.folder)/\(name)/run.sqlite")
    #expect(endings.count { $0 == "admitted" } == World.steps * World.promptsPerStep)
    let others = endings.filter { $0 != "admitted" && !$0.contains("let it go") && !$0.contains("said goodbye") }
    #expect(others == [])
  }

  @Test("a run that nobody works for ends with a code of its own and says whom it waited for; the same command goes on")
  func stalled() throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("stalled", in: undisturbed.world, overrides: ["cluster.stallLimitSeconds=4"])
    defer { roles.end() }
    let learner = try roles.learner()
    #expect(try learner.end() == .exited(69), "\(learner.log)")
    let last = learner.log.split(separator: "\n").last ?? ""
    #expect(last.contains("no progress for 4 s, waiting for a worker to join"), "\(last)")
    // They look for it where it was, and are there when it comes.
    _ = (try roles.scorer(), try roles.worker())
    let next = try roles.learner()
    #expect(try next.end() == .exited(0), "\(next.log)")
    try undisturbed.expectSame("stalled")
  }

  @Test("sophia train ends a run that stalls with that code, and says how to go on")
  func stalledTrain() throws {
    let undisturbed = try UndisturbedRun.shared
    let outcome = try undisturbed.world.run(
      "stalled-train", workers: 0, overrides: UndisturbedRun.overrides + ["cluster.stallLimitSeconds=1"])
    #expect(outcome.status == 69)
    #expect(outcome.errors.contains("waiting for a worker to join"), "\(outcome.errors)")
    #expect(outcome.errors.contains("go on with: sophia train"), "\(outcome.errors)")
  }
}
