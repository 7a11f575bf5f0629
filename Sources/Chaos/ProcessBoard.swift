internal import Cluster
internal import Foundation
internal import Synchronization

/// The processes of the run as the launcher sees them: which run, and how others ended.
final class ProcessBoard: Sendable {
  struct End: Sendable, Hashable {
    let name: String
    let pid: Int32
    let end: ProcessEnd
    /// Seconds by the observer's clock.
    let at: Double
  }

  struct Life: Sendable, Hashable {
    let name: String
    let pid: Int32
    let from: Double
    var to: Double?
    var end: String?
  }

  private struct State {
    var pids: [String: Int32] = [:]
    var ends: [End] = []
    var lives: [Life] = []
  }

  private let now: @Sendable () -> Double
  private let state = Mutex(State())

  /// - Parameter now: the observer's clock.
  init(now: @escaping @Sendable () -> Double) {
    self.now = now
  }

  func note(_ event: LocalCluster.Event) {
    let at = now()
    state.withLock { state in
      switch event {
      case .started(let process, let pid, _):
        state.pids[process.name] = pid
        state.lives.append(Life(name: process.name, pid: pid, from: at))
      case .ended(let process, let pid, _, let end, _):
        if state.pids[process.name] == pid { state.pids[process.name] = nil }
        state.ends.append(End(name: process.name, pid: pid, end: end, at: at))
        if let index = state.lives.lastIndex(where: { $0.pid == pid && $0.to == nil }) {
          state.lives[index].to = at
          state.lives[index].end = end.description
        }
      }
    }
  }

  var lives: [Life] { state.withLock { $0.lives } }
  var pids: [Int32] { state.withLock { Array($0.pids.values) } }

  func pid(of name: String) -> Int32? { state.withLock { $0.pids[name] } }

  /// Waits until the process runs.
  func running(_ name: String) async throws -> Int32 {
    while true {
      if let pid = pid(of: name) { return pid }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  /// How `pid` ended; waits until the launcher knows.
  func end(of pid: Int32, within limit: Duration = .seconds(10)) async throws -> End? {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
      if let end = state.withLock({ $0.ends.last { $0.pid == pid } }) { return end }
      try await Task.sleep(for: .milliseconds(5))
    }
    return nil
  }

  /// How processes of that name have been killed by `signal` since the observer's time `since`.
  func killed(_ name: String, by signal: Int32, since: Double) -> End? {
    state.withLock { $0.ends.last { $0.name == name && $0.end == .killed(signal: signal) && $0.at >= since } }
  }
}

/// What /proc says of a process.
enum ProcessState {
  /// The state letter of /proc/PID/stat: R, S, D, T, Z; nil if there is no such process.
  static func letter(of pid: Int32) -> Character? {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
      let close = stat.lastIndex(of: ")")
    else { return nil }
    return stat[stat.index(after: close)...].first { $0 != " " }
  }
}
