internal import Foundation

/// Programs of the machine that faults need.
struct CommandLineTool: Sendable {
  let path: String
  /// The Debian package that has it.
  let package: String

  static let strace = CommandLineTool(path: "/usr/bin/strace", package: "strace")
  static let unshare = CommandLineTool(path: "/usr/bin/unshare", package: "util-linux")

  var isHere: Bool { access(path, X_OK) == 0 }

  /// Runs it to its end without a word.
  ///
  /// - Returns: its exit code, and the last line of its errors.
  func run(_ arguments: [String]) throws -> (status: Int32, error: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    let said = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, said.split(separator: "\n").last.map(String.init) ?? "")
  }
}
