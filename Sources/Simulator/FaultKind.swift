/// Everything that can go wrong in a simulated cluster. The numbers are those of the list of faults that the system is
/// built to survive.
package enum FaultKind: String, Sendable, Hashable, CaseIterable, Codable {
  // Process
  /// 1, 2, 3, 13: a process is gone between two events, and starts again after a while.
  case kill
  /// 4: the learner is killed inside a checkpoint: between writing, fsync, rename and the folder's fsync.
  case killInCheckpoint = "kill-in-checkpoint"
  /// 6, 36: a process stops, and goes on later with everything that has come meanwhile.
  case pause
  /// 7: the learner stops, a replacement starts, and the first goes on.
  case replaced
  /// 8: an engine takes many times as long.
  case slow
  /// 9: a worker runs out of memory and starts again with less credit.
  case outOfMemory = "out-of-memory"
  /// 10: every process is killed at once.
  case restartStorm = "restart-storm"
  /// 11: an engine never finishes, while its process goes on sending heartbeats.
  case hungEngine = "hung-engine"
  /// 12: a process can open no new connection.
  case descriptors
  /// 14: a peer that speaks another version of the protocol.
  case oldVersion = "old-version"
  /// 25: a worker that joins when the run is under way.
  case lateJoiner = "late-joiner"
  // Network
  /// 15: a connection breaks; what was under way is lost, and what comes after goes by a new one.
  case disconnect
  /// 15: a sender's queue is short, and what does not fit is dropped.
  case highWaterMark = "high-water-mark"
  /// 16
  case delay
  /// 17: what was under way on a broken connection comes after what the new one brought.
  case reorder
  /// 18: a message comes twice.
  case duplicate
  /// 19
  case partition
  /// 20: nothing from the process gets through.
  case cutFrom = "cut-from"
  /// 20: nothing to the process gets through.
  case cutTo = "cut-to"
  /// 21
  case slowLink = "slow-link"
  /// 22: messages vanish, and both sides think that they are connected.
  case halfOpen = "half-open"
  /// 23: a connection breaks inside a message, of which nothing arrives.
  case reset
  /// 24: a process comes back from another address.
  case addressChange = "address-change"
  // Storage
  /// 31: the machine loses power: what was not fsynced is gone.
  case powerLoss = "power-loss"
  /// 27: power is lost, and a part of what was not fsynced is on the disk, the last record torn.
  case tornWrite = "torn-write"
  /// 28
  case bitFlip = "bit-flip"
  /// 29
  case syncFailure = "sync-failure"
  /// 26
  case diskFull = "disk-full"
  /// 32
  case slowDisk = "slow-disk"
  /// The learner comes back on a machine on which training gives other bits.
  case otherMachine = "other-machine"
  // Clock
  /// 34: the wall clock jumps.
  case clockJump = "clock-jump"
  /// 35: a process's monotonic clock runs fast or slow.
  case clockRate = "clock-rate"
  // Data
  /// 40, 46: bytes of a message are changed on the way.
  case corruptMessage = "corrupt-message"
  /// 41: a chunk of weights comes with other bytes.
  case corruptChunk = "corrupt-chunk"
  /// 40, 42, 63: a registered peer sends what no peer should.
  case hostileMessage = "hostile-message"
  /// 37, 38, 39, 43, 44: a scorer hands in a group that is not as groups are.
  case badGroup = "bad-group"
  /// 45: a row that no worker can serve.
  case poison
  // Security
  /// 55: a recorded message is sent again, much later.
  case replay
  /// 60: a worker hands in a scored group, or takes a scorer's place.
  case forgedRole = "forged-role"
  /// 59: a worker hands a scorer a group for a lease that another worker holds.
  case foreignGroup = "foreign-group"
  // Reward service
  /// 48
  case rateLimit = "rate-limit"
  /// 49
  case serviceError = "service-error"
  /// 49
  case serviceTimeOut = "service-time-out"
  /// 50
  case garbageScore = "garbage-score"
  /// 51
  case slowDrip = "slow-drip"
  /// 52
  case changedScore = "changed-score"
}

/// One fault of a plan: what, whom, when and how strongly.
package struct PlannedFault: Sendable, Hashable, Codable {
  package var kind: FaultKind
  /// A process by name: `learner`, `worker-3`, `scorer-0`; of `poison` the row's number.
  package var target: String
  /// Virtual seconds after the start.
  package var at: Double
  /// Virtual seconds that it lasts; 0 for what happens once.
  package var duration: Double
  /// In (0, 1]; what it means depends on the kind (a probability, a share, a factor).
  package var strength: Double

  /// Longer than any run: it is not over when the others are, and its target belongs to no healthy core.
  package static let forGood = 1e6
  package var isForGood: Bool { duration >= Self.forGood }

  package init(_ kind: FaultKind, _ target: String, at: Double, duration: Double = 0, strength: Double = 1) {
    self.kind = kind
    self.target = target
    self.at = at
    self.duration = duration
    self.strength = strength
  }
}
