/// What work costs in a simulated cluster. All of it can be measured in a real run (`CostCalibration`) or given.
package struct CostModel: Sendable, Hashable, Codable {
  /// Tokens of a group that a worker samples in a second, all its responses together.
  package var tokensPerSecond = 1000.0
  /// Mean tokens of a response.
  package var responseTokens = 250.0
  /// Relative spread of a group's length: uniform in 1 - spread ... 1 + spread.
  package var spread = 0.5
  /// Seconds of a worker for each group besides its tokens (image, prompt).
  package var prefillSeconds = 0.1
  package var scoringSeconds = 0.15
  /// Seconds of the learner for each step, and for each group of it.
  package var stepSeconds = 0.2
  package var trainingSecondsPerGroup = 0.08
  /// Bytes of a policy version; what is sent of it counts in proportion.
  package var modelBytes = 400e3
  /// Share of them that a delta to the next version sends; nil: what a delta of the simulated weights takes.
  package var deltaShare: Double?
  /// Seconds from a version's bytes to an engine that samples from it.
  package var loadSeconds = 0.05
  /// Of each machine's link, in either direction; a machine's messages share it.
  package var linkBytesPerSecond = 100e6
  /// Seconds that a message is under way besides its bytes, and how much longer it may be.
  package var latency = 0.002
  package var jitter = 0.003
  package var fsyncSeconds = 0.01
  /// Seconds of the journal's thread for each group that a commit makes durable, before the fsync.
  package var journalSecondsPerGroup = 0.0
  package var checkpointSeconds = 0.3
  /// Seconds of the learner's loop for one event, or for one MiB of weights that it hands out.
  package var eventSeconds = 0.0
  /// Processor cores that all processes share; nil: each has enough of its own.
  package var cores: Double?
  /// Seconds of them that each worker takes every second besides its groups, for timers, signs of life and its connections.
  package var upkeepSeconds = 0.0
  /// Threads that an engine's jobs can use where cores are shared.
  package var learnerThreads = 1
  package var workerThreads = 1
  package var scorerThreads = 1

  package init() {}
}

extension CostModel {
  /// Seconds that the learner's loop takes for one event: receiving, decoding, deciding, encoding and sending. Heartbeats,
  /// leases and groups take from 20 to 100 microseconds on one core of a server.
  package static let measuredEventSeconds = 50e-6
}
