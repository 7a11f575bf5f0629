import DurableFiles
import Foundation
import Runs
import Testing

/// What a learner serves, measured small: what is counted must agree with itself.
struct ScaleBenchmarkTests {
  @Test("no group is lost, and the numbers of a small measurement go together", arguments: [nil, 400.0])
  func smallMeasurement(rate: Double?) async throws {
    let folder = NSTemporaryDirectory() + "sophia-scale-test-\(UUID().uuidString)"
    try DurableFiles.createFolder(folder)
    defer { try? DurableFiles.remove(folder) }
    var plan = ScalePlan()
    plan.workers = 4
    plan.workerProcesses = 2
    (plan.warmUp, plan.groups, plan.rate) = (100, 200, rate)
    let found = try await ScaleBenchmark(executable: try #require(World.program).path, folder: folder).measure(plan)

    #expect(found.isSound, "\(found.lost) lost, \(found.trainedTwice) trained twice, \(found.problems)")
    #expect(found.admitted == plan.totalGroups && found.acknowledged == plan.totalGroups)
    #expect(found.groups >= 200 && found.seconds > 0)
    #expect(found.lease.count > 0 && found.acknowledgement.count > 0)
    for latency in [found.lease, found.acknowledgement] {
      #expect(latency.median > 0 && latency.median <= latency.p99 && latency.p99 < 30)
    }
    #expect(found.learnerCores > 0 && found.workerCores > 0 && found.scorerCores > 0)
    #expect(found.bytesPerSecond > 0 && found.commitsPerSecond > 0 && found.committing > 0 && found.committing <= 1)
    // Whoever keeps a pace is not faster than it, as far as a short measurement can tell.
    if let rate { #expect(found.groupsPerSecond < 2 * rate) }

    let predicted = try #require(try ScalePrediction(from: found, roundTrip: 0.0003).state(of: plan, cores: 2))
    #expect(predicted.groupsPerSecond > 1)
  }

  @Test("a worker's part is told apart from a scorer's and the learner's")
  func partNames() {
    for part in [ScalePart.learner, .scorer(3), .workers(12)] { #expect(ScalePart(part.name) == part) }
    for name in ["", "learner-1", "worker", "worker-x", "observer-1"] { #expect(ScalePart(name) == nil) }
  }
}
