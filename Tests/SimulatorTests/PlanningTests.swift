import Rollout
import Testing

@testable import Simulator

@Suite("Predicting what more workers bring")
struct PlanningTests {
  /// 16 groups a step, of 1 s each; little else takes time.
  static var generating: SimulationOptions {
    var options = SimulationOptions()
    options.promptsPerStep = 16
    options.groupSize = 8
    options.scorers = 2
    options.checkpointEvery = 1000
    options.costs.responseTokens = 125
    options.costs.tokensPerSecond = 1000
    options.costs.spread = 0
    options.costs.prefillSeconds = 0
    options.costs.scoringSeconds = 0.001
    options.costs.stepSeconds = 0.05
    options.costs.trainingSecondsPerGroup = 0.01
    options.costs.loadSeconds = 0.01
    options.costs.fsyncSeconds = 0.002
    return options
  }

  private func state(_ workers: Int, _ staleness: Int = 0, _ options: SimulationOptions = generating) throws -> SteadyState {
    try #require(try Planning(base: options).row(workers: workers, staleness: staleness).state)
  }

  @Test("a synchronous step takes its rounds of groups and the update", arguments: [(1, 16.0), (2, 8), (4, 4), (5, 4), (16, 1)])
  func rounds(workers: Int, rounds: Double) throws {
    let state = try state(workers)
    let expected = 16 * 8 / (rounds + 0.05 + 0.16)
    #expect(abs(state.responsesPerSecond / expected - 1) < 0.08, "\(state.responsesPerSecond), not \(expected)")
    #expect(state.largestStaleness == 0)
  }

  @Test("more workers never make it slower until there is one for each prompt", arguments: [0, 1, 2])
  func neverSlower(staleness: Int) throws {
    var last = 0.0
    for workers in [1, 2, 3, 4, 6, 8, 12, 16] {
      let speed = try state(workers, staleness).responsesPerSecond
      #expect(speed > last * 0.98, "\(workers) workers: \(speed) after \(last)")
      last = speed
    }
  }

  @Test("no more than one worker for each prompt that may be sampled is of use", arguments: [0, 1, 2])
  func saturates(staleness: Int) throws {
    let full = 16 * (1 + staleness)
    let (enough, twice) = (try state(full, staleness), try state(2 * full, staleness))
    #expect(twice.responsesPerSecond < enough.responsesPerSecond * 1.05)
    #expect(twice.workerIdle >= 0.45)
  }

  @Test("staleness lets workers go on while the learner trains, and is never more than its bound", arguments: [1, 2])
  func staleness(bound: Int) throws {
    var options = Self.generating
    options.costs.trainingSecondsPerGroup = 0.2
    let (synchronous, asynchronous) = (try state(4, 0, options), try state(4, bound, options))
    #expect(asynchronous.responsesPerSecond > synchronous.responsesPerSecond * 1.3)
    #expect(asynchronous.largestStaleness <= bound && asynchronous.meanStaleness > 0)
  }

  @Test("a broadcast takes the bytes of all workers over the learner's link", arguments: [1e6, 10e6, 100e6], [4, 16])
  func broadcast(bytes: Double, workers: Int) throws {
    var options = Self.generating
    options.costs.modelBytes = bytes
    options.costs.linkBytesPerSecond = 1e8
    options.costs.deltaShare = 0.5
    let state = try state(workers, 0, options)
    let transfer = Double(workers) * bytes * 0.5 / 1e8
    #expect(state.hasReachedAll)
    // What comes on top is the last piece over the worker's own link, latency, checking and loading.
    #expect(state.lastBroadcast > transfer && state.lastBroadcast < transfer * 1.35 + 0.1, "\(state.lastBroadcast) for \(transfer)")
  }

  @Test("shares of idle time are shares, and what is used was asked for")
  func shares() throws {
    let state = try state(2)
    for share in [state.workerIdle, state.learnerIdle, state.scorerIdle, state.loopBusy, state.linkBusy] {
      #expect((0...1).contains(share))
    }
    // Each worker generates 8 groups of 1 s a step, and the learner trains for 0.21 s.
    let step = state.seconds / Double(state.groups / 16)
    #expect(abs((1 - state.workerIdle) * step - 8) < 0.1)
    #expect(abs((1 - state.learnerIdle) * step - 0.21) < 0.02)
  }

  @Test("the learner's loop bounds what any number of workers can do")
  func loop() throws {
    var options = Self.generating
    options.costs.responseTokens = 1.25
    options.costs.tokensPerSecond = 1000
    options.promptsPerStep = 64
    options.costs.eventSeconds = 0.01
    options.costs.trainingSecondsPerGroup = 0
    let state = try state(64, 0, options)
    #expect(state.loopBusy > 0.9)
    #expect(state.bottleneck == .loop)
  }

  @Test("where cores are shared, the learner's loop and its journal take their share, and every worker its upkeep", arguments: [0, 0.05])
  func controlPlaneOnSharedCores(upkeep: Double) throws {
    var options = Self.generating
    (options.costs.cores, options.costs.upkeepSeconds) = (1, upkeep)
    (options.costs.prefillSeconds, options.costs.scoringSeconds) = (0.002, 0.001)
    (options.costs.responseTokens, options.costs.tokensPerSecond) = (1, 1e9)
    (options.costs.stepSeconds, options.costs.trainingSecondsPerGroup, options.costs.loadSeconds) = (0, 0, 0)
    (options.costs.eventSeconds, options.costs.journalSecondsPerGroup) = (0.001, 0.002)
    (options.costs.fsyncSeconds, options.promptsPerStep) = (0.0001, 64)
    let state = try state(8, 1, options)
    // A group is 2 ms of its worker, 1 of its scorer, 2 of the journal and two events of the loop; commits and heartbeats are
    // events too.
    let most = (1 - 8 * upkeep) / 0.007
    #expect(state.groupsPerSecond < most && state.groupsPerSecond > 0.65 * most, "\(state.groupsPerSecond) of \(most)")
    #expect(state.journalBusy > 0 && state.loopBusy > state.journalBusy * 0.9)
  }

  @Test("where adding workers stops paying is found between the rows")
  func worth() {
    func row(_ workers: Int, _ speed: Double) -> Planning.Row {
      Planning.Row(
        workers: workers, staleness: 0, heartbeat: 1,
        state: SteadyState(
          seconds: 1, groups: Int(speed), responses: Int(speed), workerIdle: 0, scorerIdle: 0, learnerIdle: 0, loopBusy: 0,
          linkBusy: 0, meanStaleness: 0, largestStaleness: 0, medianBroadcast: 0, lastBroadcast: 0, hasReachedAll: true,
          stretch: .init()))
    }
    #expect(Planning.enough([row(1, 100), row(2, 200), row(5, 480), row(10, 500), row(20, 505)]) == 5)
    #expect(Planning.enough([row(1, 100), row(2, 200), row(5, 500), row(10, 1000)]) == nil)
    #expect(Planning.enough([]) == nil)
  }

  @Test("the same seed gives the same prediction")
  func repeated() throws {
    let planning = Planning(base: Self.generating)
    #expect(try planning.row(workers: 7, staleness: 1) == planning.row(workers: 7, staleness: 1))
  }
}
