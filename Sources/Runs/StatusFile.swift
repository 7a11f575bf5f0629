internal import ActionableErrors
internal import DurableFiles
internal import Foundation
package import Rollout

/// A small file in which a role's process says about once a second how it is, for probes: `sophia doctor --role`.
///
/// Times are those of the monotonic clock, which every process of a machine shares and nobody sets.
package final class StatusFile: Sendable {
  package struct Status: Sendable, Codable {
    package var role: Role
    package var pid: Int32
    /// Seconds of the monotonic clock.
    package var writtenAt: Double
    package var condition: RoleCondition
  }

  /// The loop of a process that has been silent for longer than this hangs.
  package static let patience = 10.0

  private let path: String
  private let role: Role
  private let queue = DispatchQueue(label: "status")

  package init(_ path: String, role: Role) {
    self.path = path
    self.role = role
  }

  /// Beside the caller, whom a slow disk must not hold up.
  func write(_ condition: RoleCondition) {
    let status = Status(role: role, pid: getpid(), writtenAt: Self.now, condition: condition)
    queue.async { [path] in
      guard let json = try? JSONEncoder().encode(status) else { return }
      // Not fsynced: it is worth nothing after a crash.
      let aside = "\(path).\(getpid()).partial"
      guard FileManager.default.createFile(atPath: aside, contents: json) else { return }
      rename(aside, path)
    }
  }

  /// What a probe finds.
  package enum Finding: Sendable, Equatable {
    case good(String)
    case bad(String)
  }

  /// - Parameter ready: whether it is to be ready for its work, besides being alive.
  package static func examine(_ path: String, role: Role, ready: Bool) -> Finding {
    let bytes: [UInt8]
    do throws(FileError) {
      bytes = try DurableFiles.read(path, limit: 1 << 16)
    } catch {
      let reason = "the \(role.rawValue) has not started, or was not given --status \(path)"
      return .bad(access(path, F_OK) == 0 ? error.description : "there is no \(path): \(reason)")
    }
    guard let status = try? JSONDecoder().decode(Status.self, from: Data(bytes)) else { return .bad("\(path) is not a status file") }
    guard status.role == role else { return .bad("\(path) is of a \(status.role.rawValue)") }
    let age = now - status.writtenAt
    let words = "\(role.rawValue), process \(status.pid): \(status.condition.text)"
    // Before this machine started, the clock was ahead of what it is now.
    guard (0...patience).contains(age) else {
      return .bad(age < 0 ? "\(path) is from before this machine started" : "\(words), but that was \(Int(age)) s ago: it has ended or hangs")
    }
    return status.condition.isReady || !ready ? .good(words) : .bad("not ready: \(words)")
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
