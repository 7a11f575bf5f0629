import Foundation
import Testing

/// What `SOPHIA_FAULT` tells a process, or all the processes of a run of which one is struck.
struct Fault: Sendable, CustomTestStringConvertible {
  enum Signal: String { case kill, stop }

  let signal: Signal
  let role: String
  let point: String
  /// How many times the point is passed before.
  let passes: Int
  /// Is there once the fault has struck.
  let token: String

  init(_ signal: Signal, _ role: String, _ point: String, after passes: Int = 0, in world: World) {
    self.signal = signal
    self.role = role
    self.point = point
    self.passes = passes
    token = "\(world.folder)/struck-\(UUID().uuidString)"
  }

  var environment: [String: String] { ["SOPHIA_FAULT": "\(signal.rawValue) \(role) \(point) \(passes) \(token)"] }
  var hasStruck: Bool { FileManager.default.fileExists(atPath: token) }
  var testDescription: String { "\(signal.rawValue) \(role) \(point) \(passes)" }
}

/// Whether the process stands still by SIGSTOP. Its token is there a moment before.
func isStopped(_ pid: Int32) -> Bool {
  let text = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
  return text.split(separator: ")").last?.split(separator: " ").first == "T"
}

/// Something did not come about in time.
struct DeadlinePassed: Error, CustomStringConvertible {
  let description: String
}

/// Waits until `condition` holds.
///
/// - Parameter what: what is waited for, for the message when it does not come about.
func eventually(_ what: String, within seconds: Double = 90, _ condition: () throws -> Bool) throws {
  let deadline = Date().addingTimeInterval(seconds)
  while try !condition() {
    guard Date() < deadline else { throw DeadlinePassed(description: "not within \(seconds) s: \(what)") }
    usleep(5000)
  }
}
