internal import Foundation
internal import Rollout
internal import Synchronization

/// A moment of the protocol at which a process may be made to die or stop, so that tests and fault plans hit it exactly.
package enum ProtocolPoint: String, Sendable, CaseIterable {
  /// A worker has a lease and has not begun with it.
  case leased
  /// A worker generates.
  case generating
  /// A worker has a group and has not pushed it.
  case generated
  /// A worker has pushed a group, a scorer a scored one.
  case pushed
  /// A worker has been told that a group is durable, and has not let it go.
  case acknowledged
  /// A scorer has a group and has not scored it.
  case scoring
  /// A scorer has scored a group and not pushed it.
  case scored
  /// The learner has a scored group that is not in the journal.
  case admitting
  /// A group is durable, and its worker has not been told.
  case admitted
  /// The policy has been updated; journal and workers do not know.
  case trained
  /// The new version is about to be announced.
  case publishing
  /// A checkpoint is about to be written.
  case checkpointing
  /// A checkpoint is on the disk, and the journal does not name it.
  case checkpointed
}

/// Kills or stops this very process when it comes to a point of the protocol for the nth time. Set by the environment
/// variable `SOPHIA_FAULT`: `kill worker generating 2 /tmp/once`, meaning signal, role, point, how many times that point
/// is passed before, and a file that is made when the fault strikes: where it is there already, none does. So of many
/// processes with the same environment, and of those started again, one is struck once.
package struct FaultPoint: Sendable {
  private let signal: Int32
  private let point: ProtocolPoint
  private let passes: Int
  private let token: String
  private let passed = Passed()

  private final class Passed: Sendable {
    let count = Mutex(0)
  }

  /// The one that this process is to meet; nil for nearly all.
  static func ofThisProcess(_ role: Role) -> FaultPoint? {
    guard let plan = ProcessInfo.processInfo.environment["SOPHIA_FAULT"] else { return nil }
    return FaultPoint(plan, role: role)
  }

  /// - Returns: nil if the plan is for another role, or no plan.
  init?(_ plan: String, role: Role) {
    let words = plan.split(separator: " ", maxSplits: 4).map(String.init)
    guard words.count == 5, let signal = ["kill": SIGKILL, "stop": SIGSTOP][words[0]], words[1] == role.rawValue,
      let point = ProtocolPoint(rawValue: words[2]), let passes = Int(words[3])
    else { return nil }
    self.signal = signal
    self.point = point
    self.passes = passes
    token = words[4]
  }

  /// To be called at `point`, before what follows it.
  func pass(_ point: ProtocolPoint) {
    guard point == self.point else { return }
    let isDue = passed.count.withLock { count in
      count += 1
      return count > passes
    }
    guard isDue else { return }
    let descriptor = open(token, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { return }
    close(descriptor)
    kill(getpid(), signal)
  }
}
