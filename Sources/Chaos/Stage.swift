internal import Foundation
internal import Runs

/// All that a fault acts on and by.
struct Stage: Sendable {
  let observer: RunObserver
  let board: ProcessBoard
  /// Nil with network namespaces.
  let links: LinkBoard?
  let hosts: HostBoard?
  let processes: ProcessFaults
  let storage: StorageFaults
  let clocks: ClockFaults
  let messages: MessageFaults
  /// Nil where no fault is the judge's.
  let judge: JudgeFaults?
  /// Where the tokens of protocol points lie.
  let state: String
  let folder: RunFolder
  let say: @Sendable (String) -> Void

  /// The file that is made when fault `number` strikes at a protocol point.
  func token(of number: Int) -> String { "\(state)/struck-\(number)" }

  func hasStruck(_ number: Int) -> Bool { access(token(of: number), F_OK) == 0 }

  /// How often.
  func strikes(_ number: Int) -> Int { (try? String(contentsOfFile: token(of: number), encoding: .utf8).utf8.count) ?? 0 }
}

extension Fault {
  /// What `SOPHIA_FAULT` is to say to the process that is hit; nil where the moment is none of the protocol.
  func environment(token: String) -> String? {
    guard case .point(let point, let passes) = when, let role = whom.role else { return nil }
    let strike =
      switch what {
      case .kill: "kill"
      case .judgeErrors: "fail:\(parameters.times)"
      // Whatever is done to it, it waits for that.
      default: "stop"
      }
    return "\(strike) \(role.rawValue) \(point.rawValue) \(passes) \(token)"
  }
}
