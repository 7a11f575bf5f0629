extension SimulationOptions {
  /// A day of a large run: several minutes a group of long responses, as many prompts a step as there are workers, one
  /// version of staleness, so that nobody waits for the learner; a sign of life a minute.
  package static func largeDay(workers: Int = 10_000, hours: Double = 24) -> SimulationOptions {
    var options = SimulationOptions()
    options.workers = workers
    options.scorers = max(2, workers / 200)
    options.promptsPerStep = workers
    options.groupSize = 8
    options.staleness = 1
    options.rows = 100_000
    options.keepsGroups = false
    options.checkpointEvery = 10
    options.scoresLocally = true
    options.keepsJournal = false
    options.scorerQueue = 1024
    options.startsWithWeights = true
    options.chunks = 4
    options.heartbeat = 60
    options.peerTimeout = 600
    options.leaseDuration = 7200
    options.resendAfter = 600
    options.hedgeAfter = nil
    options.tick = 60
    options.faults = .none
    options.costs.tokensPerSecond = 400
    options.costs.responseTokens = 32_000
    options.costs.spread = 0.3
    options.costs.prefillSeconds = 1
    options.costs.scoringSeconds = 0.5
    options.costs.stepSeconds = 5
    options.costs.trainingSecondsPerGroup = 0.03
    options.costs.modelBytes = 15e9
    options.costs.deltaShare = 0.02
    options.costs.linkBytesPerSecond = 12.5e9
    options.costs.loadSeconds = 3
    options.costs.eventSeconds = CostModel.measuredEventSeconds
    // With stragglers, scoring and the update a step takes 1.7 times as long as a group.
    options.steps = UInt32((hours * 3600 / (options.secondsPerGroup * 1.7)).rounded(.up))
    return options
  }
}
