internal import DurableFiles

/// Which checkpoints there are, whether one is being made, and which may go. A checkpoint leaves in two steps: the
/// journal no longer names it, and once that is durable its folder is removed. So the journal never names one that is
/// not there, whatever happens in between.
struct CheckpointSequence: Sendable {
  /// What has become possible.
  struct Step {
    /// Folders that nothing names any more.
    var removable: [String]?
    /// What the journal should no longer name.
    var retired: [CheckpointRecord]?
    /// The last step whose groups no checkpoint needs.
    var forgetting: UInt32?
  }

  /// After a failure.
  private static let patience = Duration.seconds(5)

  private let retention: CheckpointRetention
  private let forgetsGroups: Bool
  /// Oldest first.
  private(set) var all: [CheckpointRecord]
  /// Step of the newest; the step that the learner started from before there is one.
  private(set) var last: UInt32
  private(set) var isMaking = false
  /// Whether one was due and could not be made.
  private(set) var isOverdue = false
  private var failedAt: Instant?
  private var accuracies: [UInt32: Double] = [:]
  /// Tickets of the records that must be durable first.
  private var made: Int?
  private var leaving: (ticket: Int, paths: [String])?

  /// - Parameters:
  ///   - keeping: the newest ones that stay.
  ///   - recovered: oldest first.
  ///   - step: that the learner starts from.
  init(keeping: Int, forgetsGroups: Bool, _ recovered: [CheckpointRecord], step: UInt32) {
    retention = CheckpointRetention(newest: keeping)
    self.forgetsGroups = forgetsGroups
    all = recovered
    last = step
  }

  mutating func begin() {
    isMaking = true
  }

  mutating func abandon() {
    isMaking = false
  }

  mutating func noteAccuracy(_ accuracy: Double?, of step: UInt32) {
    accuracies[step] = accuracy
  }

  mutating func made(step: UInt32, path: String, policy: SHA256Digest, ticket: Int) {
    isMaking = false
    isOverdue = false
    failedAt = nil
    last = max(last, step)
    all.removeAll { $0.step == step }
    all.append(CheckpointRecord(step: step, path: path, policy: policy, accuracy: accuracies[step]))
    made = ticket
  }

  mutating func failed(at now: Instant) {
    isMaking = false
    isOverdue = true
    failedAt = now
  }

  func mayTry(at now: Instant) -> Bool {
    failedAt.map { now - $0 >= Self.patience } ?? true
  }

  /// - Parameter durableThrough: the journal's last durable ticket.
  mutating func retire(durableThrough: Int) -> Step {
    var step = Step()
    if let (ticket, paths) = leaving, ticket <= durableThrough {
      leaving = nil
      step.removable = paths
    }
    guard let ticket = made, ticket <= durableThrough, leaving == nil else { return step }
    made = nil
    let retired = retention.retired(of: all)
    guard !retired.isEmpty else { return step }
    step.retired = retired
    all.removeAll { retired.contains($0) }
    // A learner that finds every later one damaged goes on from the oldest.
    if forgetsGroups { step.forgetting = all.first?.step }
    return step
  }

  mutating func retiring(_ retired: [CheckpointRecord], ticket: Int) {
    leaving = (ticket, retired.map(\.path))
  }
}
