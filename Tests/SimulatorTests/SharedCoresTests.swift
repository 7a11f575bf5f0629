import Rollout
import Testing

@testable import Simulator

@Suite("Jobs that share the cores of a machine")
struct SharedCoresTests {
  private struct Arrival {
    let process: Int
    let at: Double
    let seconds: Double
    var threads = 1.0
  }

  /// When each job ends, by process.
  private func ends(_ arrivals: [Arrival], cores: Double) -> [Int: Double] {
    var machine = SharedCores(cores: cores)
    var left = arrivals[...]
    var ends: [Int: Double] = [:]
    while true {
      let arrival = left.first.map { Instant(nanoseconds: UInt64($0.at * 1e9)) }
      if let end = machine.nextEnd, arrival.map({ end <= $0 }) ?? true {
        if let job = machine.takeDone(at: end) { ends[job.process] = Double(end.nanoseconds) * 1e-9 }
      } else if let next = left.popFirst(), let arrival {
        machine.add(of: next.process, threads: next.threads, seconds: next.seconds, at: arrival)
      } else {
        return ends
      }
    }
  }

  private func near(_ a: Double?, _ b: Double) -> Bool { a.map { abs($0 - b) < 1e-8 } ?? false }

  @Test("as many jobs as cores, or fewer, run at full speed")
  func enough() {
    let ends = ends([Arrival(process: 1, at: 0, seconds: 2), Arrival(process: 2, at: 1, seconds: 3)], cores: 2)
    #expect(near(ends[1], 2) && near(ends[2], 4))
  }

  @Test("four equal jobs on two cores take twice as long")
  func crowded() {
    let ends = ends((1...4).map { Arrival(process: $0, at: 0, seconds: 3) }, cores: 2)
    #expect((1...4).allSatisfy { near(ends[$0], 6) })
  }

  @Test("when a job starts or ends, what is left of the others takes another time")
  func retimed() {
    // On one core. 1 alone until 2 (2 of 6 done), then both at half: 2 ends at 2 + 2 * 1 = 4, when 1 has 3 of 6; it
    // ends at 7.
    let ends = ends([Arrival(process: 1, at: 0, seconds: 6), Arrival(process: 2, at: 2, seconds: 1)], cores: 1)
    #expect(near(ends[2], 4) && near(ends[1], 7))
  }

  @Test("a job of two threads takes two shares, and all threads get the same")
  func threads() {
    // Three threads on two cores: a rate of 2/3 until the first ends at 3, then 2 threads at full speed for what is left.
    let ends = ends([Arrival(process: 1, at: 0, seconds: 2), Arrival(process: 2, at: 0, seconds: 4, threads: 2)], cores: 2)
    #expect(near(ends[1], 3) && near(ends[2], 5))
  }

  @Test("a part of a core can be shared too")
  func fraction() {
    #expect(near(ends([Arrival(process: 1, at: 0, seconds: 1)], cores: 0.5)[1], 2))
  }

  @Test("jobs of a process that is gone leave the cores to the others")
  func gone() throws {
    var machine = SharedCores(cores: 1)
    machine.add(of: 1, threads: 1, seconds: 4, at: Instant(nanoseconds: 0))
    machine.add(of: 2, threads: 1, seconds: 4, at: Instant(nanoseconds: 0))
    machine.removeAll(of: 2, at: Instant(nanoseconds: 2_000_000_000))
    #expect(machine.nextEnd == Instant(nanoseconds: 5_000_000_000))
  }

  @Test("in a cluster, four workers on two cores generate no faster than two", arguments: [1, 2, 4])
  func cluster(workers: Int) throws {
    var planning = Planning(base: PlanningTests.generating)
    planning.base.costs.cores = 2
    let state = try #require(try planning.row(workers: workers, staleness: 0).state)
    // 16 groups of 1 s on min(workers, 2) cores.
    let expected = 8 * 16 / (16 / Double(min(workers, 2)) + 0.3)
    #expect(abs(state.responsesPerSecond / expected - 1) < 0.06, "\(state.responsesPerSecond), not \(expected)")
  }
}
