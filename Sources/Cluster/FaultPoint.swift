internal import ActionableErrors
internal import Foundation
package import Rollout
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

extension ProtocolPoint {
  /// The points that a process of the role comes by.
  package static func points(of role: Role) -> [ProtocolPoint] {
    switch role {
    case .worker: [.leased, .generating, .generated, .pushed, .acknowledged]
    case .scorer: [.scoring, .scored, .pushed]
    case .learner: [.admitting, .admitted, .trained, .publishing, .checkpointing, .checkpointed]
    case .observer: []
    }
  }
}

/// Kills or stops this very process, or lets its work fail, when it comes to a point of the protocol for the nth time. Set
/// by the environment variable `SOPHIA_FAULT`: `kill worker generating 2 /tmp/once`, meaning what happens, role, point, how
/// many times that point is passed before, and a file that is made when the fault strikes: where it is there already, none
/// does. So of many processes with the same environment, and of those started again, one is struck once. Several faults are
/// set apart by `;`.
///
/// What happens is `kill`, `stop`, or `fail` or `fail:3`: scoring a group fails, once or as often in a row. Each time the
/// file gets a line.
struct FaultPoint: Sendable {
  private enum Strike: Sendable, Equatable {
    case signal(Int32)
    case failure(times: Int)
  }

  private let strike: Strike
  private let point: ProtocolPoint
  private let passes: Int
  private let token: String
  private let state = State()

  private final class State: Sendable {
    let counts = Mutex((passed: 0, struck: 0))
  }

  /// Those that this process is to meet; none for nearly all.
  static func ofThisProcess(_ role: Role) -> [FaultPoint] {
    guard let plan = ProcessInfo.processInfo.environment["SOPHIA_FAULT"] else { return [] }
    return plan.split(separator: ";").compactMap { FaultPoint(String($0), role: role) }
  }

  /// - Returns: nil if the plan is for another role, or no plan.
  init?(_ plan: String, role: Role) {
    let words = plan.split(separator: " ", maxSplits: 4).map(String.init)
    guard words.count == 5, let strike = Self.strike(words[0]), words[1] == role.rawValue,
      let point = ProtocolPoint(rawValue: words[2]), let passes = Int(words[3])
    else { return nil }
    self.strike = strike
    self.point = point
    self.passes = passes
    token = words[4]
  }

  private static func strike(_ word: String) -> Strike? {
    switch word {
    case "kill": .signal(SIGKILL)
    case "stop": .signal(SIGSTOP)
    case "fail": .failure(times: 1)
    default: word.hasPrefix("fail:") ? Int(word.dropFirst(5)).map { .failure(times: $0) } : nil
    }
  }

  /// To be called at `point`, before what follows it.
  ///
  /// - Throws: an `InjectedFailure` where the plan says so.
  fileprivate func pass(_ point: ProtocolPoint) throws(InjectedFailure) {
    guard point == self.point else { return }
    let number = state.counts.withLock { counts -> Int? in
      counts.passed += 1
      guard counts.passed > passes else { return nil }
      counts.struck += 1
      return counts.struck
    }
    guard let number, number <= times, leaveToken(isFirst: number == 1) else { return }
    switch strike {
    case .signal(let signal): kill(getpid(), signal)
    case .failure: throw InjectedFailure(point: point)
    }
  }

  private var times: Int {
    if case .failure(let times) = strike { times } else { .max }
  }

  /// - Returns: false if the fault has struck elsewhere.
  private func leaveToken(isFirst: Bool) -> Bool {
    let isNew = isFirst || strike == .signal(SIGKILL) || strike == .signal(SIGSTOP)
    let descriptor = open(token, O_WRONLY | O_APPEND | O_CLOEXEC | (isNew ? O_CREAT | O_EXCL : 0), 0o644)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return write(descriptor, "\n", 1) == 1
  }
}

/// A failure that `SOPHIA_FAULT` asked for.
struct InjectedFailure: ActionableError {
  let point: ProtocolPoint

  var code: String { "fault.injected" }
  var message: String { "SOPHIA_FAULT lets it fail at \(point.rawValue)" }
  var advice: String { "unset SOPHIA_FAULT" }
}

extension [FaultPoint] {
  /// To be called at `point` where nothing can fail, before what follows it.
  func pass(_ point: ProtocolPoint) {
    for fault in self { try? fault.pass(point) }
  }

  /// To be called at `point` where work may fail, before it.
  func passWork(_ point: ProtocolPoint) throws(InjectedFailure) {
    for fault in self { try fault.pass(point) }
  }
}
