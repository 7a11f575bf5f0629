import Foundation
import Testing

/// Watches the system calls of a process, and makes one of them fail or deadly, with strace.
enum SystemCalls {
  private static let program = "/usr/bin/strace"

  /// Whether there is strace here and it may trace.
  static let canBeTraced: Bool = {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = ["-o", "/dev/null", "/bin/true"]
    process.standardError = FileHandle.nullDevice
    return (try? process.run()).map { process.waitUntilExit() } != nil && process.terminationStatus == 0
  }()

  static let missing: Comment = "needs strace (a Debian package; cluster/test installs it) and leave to trace processes"

  /// One call of one path.
  struct Call {
    let name: String
    let path: String
    /// Among those of the same name on the same path, from 1.
    let number: Int
    /// Whether it came back with success.
    let succeeded: Bool

    func isSame(as other: Call) -> Bool { (name, path, number) == (other.name, other.path, other.number) }
  }

  /// The start of a command whose calls are recorded.
  static func recording(_ names: String, to log: String, paths: [String] = []) -> [String] {
    [program, "-f", "-y", "-s", "0", "-o", log, "-e", "trace=\(names)"] + paths.flatMap { ["-P", $0] }
  }

  /// The start of a command whose call `call` is disturbed: `signal=KILL`, `error=EIO`.
  static func disturbing(_ call: Call, _ how: String, log: String) -> [String] {
    recording(call.name, to: log, paths: [call.path]) + ["-e", "inject=\(call.name):\(how):when=\(call.number)"]
  }

  /// In the order in which they began.
  static func calls(in log: String) throws -> [Call] {
    var calls: [Call] = []
    var numbers: [String: Int] = [:]
    // 442  fsync(33</run/checkpoints/step-000002.1.partial>) = 0
    let form = /^\d+ +(\w+)\((?:\d+<([^>]*)>|"([^"]*)").*$/
    for line in try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n") {
      guard let found = String(line).wholeMatch(of: form), let path = found.output.2 ?? found.output.3 else { continue }
      let name = String(found.output.1)
      let number = numbers["\(name) \(path)", default: 0] + 1
      numbers["\(name) \(path)"] = number
      let failed = line.hasSuffix("= ?") || line.contains(" = -1 ")
      calls.append(Call(name: name, path: String(path), number: number, succeeded: !failed))
    }
    return calls
  }
}
