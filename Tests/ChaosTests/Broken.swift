import DurableFiles
import Foundation
import Testing

/// A folder in which `sophia chaos` works, and the program.
final class Broken: Sendable {
  private static let made = Result { try Broken() }
  static var shared: Broken { get throws { try made.get() } }

  static let canTrace = runs("/usr/bin/strace", "-o", "/dev/null", "/bin/true")
  static let canMount =
    geteuid() == 0
    ? runs("/usr/bin/unshare", "--mount", "/bin/mount", "-t", "tmpfs", "tmpfs", "/mnt")
    : runs("/usr/bin/unshare", "--user", "--map-root-user", "--mount", "/bin/mount", "-t", "tmpfs", "tmpfs", "/mnt")
  static let canMoveClocks = access("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", R_OK) == 0

  let folder = NSTemporaryDirectory() + "sophia-chaos-\(UUID().uuidString)"

  private init() throws {
    try DurableFiles.createFolder(folder)
    // What is shared by all tests lasts as long as the process.
    atexit { try? DurableFiles.remove(Broken.shared.folder) }
  }

  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Carries a plan out.
  ///
  /// - Parameter disturb: given the process as soon as it runs.
  func chaos(
    _ plan: String, _ options: [String] = [], within seconds: Double = 120, disturb: (pid_t) throws -> Void = { _ in }
  ) throws -> Outcome {
    try DurableFiles.write(plan, to: "\(folder)/the-plan.yaml")
    return try sophia(["chaos", "\(folder)/the-plan.yaml", "--run", folder] + options, within: seconds, disturb: disturb)
  }

  /// The program to its end, as a process.
  func sophia(_ arguments: [String], within seconds: Double = 120, disturb: (pid_t) throws -> Void = { _ in }) throws
    -> Outcome
  {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "sophia")
    process.arguments = arguments
    let files = ["out", "err"].map { "\(folder)/\($0)" }
    for file in files { try DurableFiles.write("", to: file) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    process.standardInput = FileHandle.nullDevice
    try process.run()
    defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    try disturb(process.processIdentifier)
    try eventually("sophia \(arguments.joined(separator: " ")) ends", within: seconds) { !process.isRunning }
    let texts = try files.map { String(decoding: try DurableFiles.read($0), as: UTF8.self) }
    return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  func verdict() throws -> [String: Any] {
    let bytes = try DurableFiles.read("\(folder)/chaos.json")
    return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
  }

  func waitUntilSays(_ text: String) throws {
    try eventually("it says \(text)") {
      (try? String(contentsOfFile: "\(folder)/err", encoding: .utf8).contains(text)) == true
    }
  }

  /// Processes whose command line names the folder.
  func processes() -> [String] {
    let pids = ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).filter { Int($0) != nil }
    return pids.filter { pid in
      (try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8).contains(folder)) == true
    }
  }

  func eventually(_ what: String, within seconds: Double = 60, _ condition: () throws -> Bool) throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
      try #require(Date() < deadline, "not within \(seconds) s: \(what)")
      usleep(10_000)
    }
  }

  private static func runs(_ command: String...) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardError = FileHandle.nullDevice
    return (try? process.run()).map { process.waitUntilExit() } != nil && process.terminationStatus == 0
  }
}
