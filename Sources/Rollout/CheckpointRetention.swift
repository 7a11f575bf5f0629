/// Which checkpoints of a run are kept: the newest, and the best by held-out accuracy.
struct CheckpointRetention: Sendable {
  /// The newest ones to keep, at least 2: one stays until the next has been loaded or followed.
  let newest: Int

  init(newest: Int) {
    self.newest = max(2, newest)
  }

  /// - Parameter checkpoints: oldest first.
  /// - Returns: those that may go, oldest first.
  func retired(of checkpoints: [CheckpointRecord]) -> [CheckpointRecord] {
    let best = checkpoints.filter { $0.accuracy != nil }.max {
      ($0.accuracy ?? 0, $0.step) < ($1.accuracy ?? 0, $1.step)
    }
    return checkpoints.dropLast(newest).filter { $0.step != best?.step }
  }
}
