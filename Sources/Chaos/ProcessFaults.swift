internal import Cluster
internal import Foundation

/// kill and stop, by process id.
struct ProcessFaults: Sendable {
  let board: ProcessBoard
  let will: LastWill

  /// - Returns: the proof that it was killed.
  func kill(_ name: String) async throws -> Proof {
    let pid = try await board.running(name)
    guard Foundation.kill(pid, SIGKILL) == 0 else { return .missing("process \(pid) of \(name) was gone before the signal") }
    return try await ended(pid, name)
  }

  func ended(_ pid: Int32, _ name: String) async throws -> Proof {
    guard let end = try await board.end(of: pid) else { return .missing("process \(pid) of \(name) has not ended") }
    guard end.end == .killed(signal: SIGKILL) else { return .missing("process \(pid) \(end.end)") }
    return .found("process \(pid) \(end.end)")
  }

  /// - Parameter held: the process, if it has stopped itself already.
  /// - Returns: the process and the proof that it stopped.
  func stop(_ held: Int32?, _ name: String) async throws -> (pid: Int32, proof: Proof) {
    var running = held
    if running == nil { running = try await board.running(name) }
    guard let pid = running else { throw CancellationError() }
    will.add("kill -CONT \(pid)", as: "continue-\(pid)")
    Foundation.kill(pid, SIGSTOP)
    return (pid, await seenStopped(pid))
  }

  func seenStopped(_ pid: Int32) async -> Proof {
    for _ in 0..<200 {
      if ProcessState.letter(of: pid) == "T" { return .found("/proc/\(pid)/stat has state T, stopped") }
      usleep(5000)
    }
    return .missing("process \(pid) was not seen stopped")
  }

  /// - Returns: whether it had been stopped until now.
  @discardableResult
  func goOn(_ pid: Int32) -> Bool {
    let wasStopped = ProcessState.letter(of: pid) == "T"
    Foundation.kill(pid, SIGCONT)
    will.remove("continue-\(pid)")
    return wasStopped
  }
}
