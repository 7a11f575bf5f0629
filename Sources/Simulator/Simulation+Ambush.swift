internal import Rollout

/// Faults of the learner's machine that strike when it matters: while records are not synced, or inside a checkpoint.
extension Simulation {
  /// The moment that a fault has waited for.
  func spring(_ moment: Ambush.Moment, within seconds: Double) {
    guard let waiting = ambush, waiting.moment == moment, !isCalm else { return }
    ambush = nil
    post(.strike(waiting.fault), after: seconds * processes[0].random.uniform(0.1, 0.9))
  }

  func strike(_ index: Int) {
    let fault = plan[index]
    guard processes[0].isUp else { return }
    switch fault.kind {
    case .killInCheckpoint:
      fire(.killInCheckpoint)
    case .powerLoss, .tornWrite:
      let result = disk.losePower(torn: fault.kind == .tornWrite, &processes[0].random)
      if fault.kind == .powerLoss, result.lost > 0 { fire(.powerLoss) }
      tell(.run) { "the learner's machine loses power: \(result.lost) bytes are lost, \(result.torn) are torn" }
    default: return
    }
    stop(0, restartAfter: options.restart)
  }

  func damageCheckpoint(_ fault: PlannedFault) {
    // Where groups are not kept, one whole checkpoint has to be left.
    let whole = judge.checkpoints.count { !damaged.contains($0.path) }
    guard let newest = judge.checkpoints.last, processes[0].isUp, options.keepsGroups || whole > 1 else { return }
    guard disk.flipBit(of: newest.path, &processes[0].random) else { return }
    damaged.insert(newest.path)
    // Who loads it is the learner that starts next.
    stop(0, restartAfter: options.restart)
  }
}
