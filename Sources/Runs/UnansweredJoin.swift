internal import Dispatch
internal import Foundation
internal import Rollout
internal import Synchronization

/// Says why there may be no welcome, while there is none: a peer that waits cannot tell a learner that starts late from a
/// wrong address.
final class UnansweredJoin: Sendable {
  private static let patience = Duration.seconds(4)
  private static let interval = Duration.seconds(20)

  private let learner: String
  private let log: @Sendable (LogLevel, String) -> Void
  /// When the next complaint is due; nil while welcome.
  private let due: Mutex<ContinuousClock.Instant?>

  init(learner: String, log: @escaping @Sendable (LogLevel, String) -> Void) {
    self.learner = learner
    self.log = log
    due = Mutex(.now + Self.patience)
  }

  func note(isJoined: Bool) {
    let isDue = due.withLock { due in
      guard !isJoined else {
        due = nil
        return false
      }
      // A learner that starts again is given as long as one that has not begun.
      guard let time = due, ContinuousClock.now >= time else {
        due = due ?? .now + Self.patience
        return false
      }
      due = .now + Self.interval
      return true
    }
    guard isDue else { return }
    // It may take seconds, and the role's loop does not wait for it.
    DispatchQueue.global().async { [learner, log] in
      let reason = Reachability.explain(learner)
        ?? "something accepts connections there: is it the learner's first port, and its key the one that this process was given?"
      log(.warning, "no welcome from the learner at \(learner) yet: \(reason); trying on")
    }
  }
}
