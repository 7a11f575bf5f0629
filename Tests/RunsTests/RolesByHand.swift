import DurableFiles
import Foundation
import Rollout
import Runs
import Testing

/// The roles of one run, each started by hand, as on machines of their own.
final class RolesByHand {
  let world: World
  let name: String
  private let settings: [String]
  let keys: RunKeys
  private var roles: [RoleByHand] = []
  private var learners = 0

  var folder: RunFolder { RunFolder("\(world.folder)/\(name)") }

  init(_ name: String, in world: World, overrides: [String] = []) throws {
    self.world = world
    self.name = name
    settings = try world.settings(of: name, workers: 0, UndisturbedRun.overrides + overrides)
    keys = RunKeys(folder: "\(world.folder)/\(name).keys")
    try keys.create(scorers: 2, workers: 4)
  }

  /// - Parameter tracer: a command that the learner is started by, such as strace.
  func learner(
    at bind: String = "tcp://127.0.0.1:0", by tracer: [String] = [], fault: Fault? = nil, options: [String] = []
  ) throws -> RoleByHand {
    learners += 1
    let arguments = ["learner"] + settings + ["--bind", bind, "--keys", keys.folder] + options
    let before = endpoint
    let role = try start("learner-\(learners)", arguments, by: tracer, fault)
    // The file names the process too, so it differs from the last learner's.
    try eventually("a learner listens: \(role.log)") { endpoint != before || !role.isRunning }
    return role
  }

  func scorer(_ number: Int = 0, fault: Fault? = nil) throws -> RoleByHand {
    try start("scorer-\(number)", joining("scorer", number), by: [], fault)
  }

  func worker(_ number: Int = 0, credit: Int = 2, fault: Fault? = nil) throws -> RoleByHand {
    try start("worker-\(number)", joining("worker", number) + ["--credit", "\(credit)"], by: [], fault)
  }

  func worker(named name: String) throws -> RoleByHand { try start(name, joining("worker", named: name), by: [], nil) }

  /// A role that joins with an invite.
  func join(
    _ role: String, _ log: String, with invite: String, at address: String? = nil, by starter: [String] = [], fault: Fault? = nil,
    options: [String] = []
  ) throws -> RoleByHand {
    let address = try address ?? String(#require(endpoint?.split(separator: "\n").first))
    let arguments = [role, "--join", address, "--keys", invite, "--cache", "\(world.folder)/cache/\(log)"] + options
    return try start(log, arguments, by: starter, fault)
  }

  /// An invite of the run's.
  func invite(_ name: String, as role: Role) throws -> String {
    let file = "\(world.folder)/\(self.name).\(name).invite"
    _ = try keys.invite(name, as: role, to: file)
    return file
  }

  /// Ends what still runs. To be called however the test ends.
  func end() {
    for role in roles { role.kill() }
    // A process that a tracer started outlives it.
    if let pid = folder.learnerAddresses?.pid,
      let command = try? String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8), command.contains(folder.path)
    {
      Foundation.kill(pid, SIGKILL)
    }
  }

  private var endpoint: String? { try? String(contentsOfFile: folder.endpoint, encoding: .utf8) }

  private func joining(_ role: String, _ number: Int) throws -> [String] { try joining(role, named: "\(role)-\(number)") }

  private func joining(_ role: String, named name: String) throws -> [String] {
    let address = try #require(endpoint?.split(separator: "\n").first)
    return [
      role, "--join", "\(address)", "--keys", keys.folder, "--name", name, "--cache", "\(world.folder)/cache/\(name)",
    ]
  }

  private func start(
    _ name: String, _ arguments: [String], by tracer: [String], _ fault: Fault?
  ) throws -> RoleByHand {
    let program = try #require(World.program).path
    let role = try RoleByHand(
      tracer + [program] + arguments, log: "\(world.folder)/\(self.name).\(name).log", fault?.environment ?? [:])
    roles.append(role)
    return role
  }
}

/// A role as a process of its own.
final class RoleByHand {
  enum End: Equatable { case exited(Int32), killed(Int32) }

  private let process = Process()
  private let path: String

  init(_ command: [String], log path: String, _ environment: [String: String]) throws {
    self.path = path
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    let own = ["OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"].merging(environment) { _, new in new }
    process.environment = ProcessInfo.processInfo.environment.merging(own) { _, new in new }
    // A role that is started again goes on with its log.
    if !FileManager.default.fileExists(atPath: path) { try DurableFiles.write("", to: path) }
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seekToEnd()
    process.standardOutput = file
    process.standardError = file
    process.standardInput = FileHandle.nullDevice
    try process.run()
  }

  func signal(_ number: Int32) {
    if process.isRunning { Foundation.kill(pid, number) }
  }

  func kill() { signal(SIGKILL) }

  /// Waits until the process has ended.
  func end(sourceLocation: SourceLocation = #_sourceLocation) throws -> End {
    try eventually("the process ends, which says:\n\(log)") { !process.isRunning }
    return process.terminationReason == .exit ? .exited(process.terminationStatus) : .killed(process.terminationStatus)
  }

  /// Waits until the process has written `text`.
  func waitToSay(_ text: String) throws {
    try eventually("the log says \(text)") { log.contains(text) || !process.isRunning }
    try #require(log.contains(text), "\(log)")
  }

  var pid: pid_t { process.processIdentifier }
  var isRunning: Bool { process.isRunning }
  /// What it has written so far.
  var log: String { (try? String(contentsOfFile: path, encoding: .utf8)) ?? "" }
}
