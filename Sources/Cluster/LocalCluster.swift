internal import ActionableErrors
internal import DurableFiles
internal import Foundation
package import Rollout

/// One process of a local run.
package struct LocalProcess: Sendable, Hashable {
  package var role: Role
  /// Counts from 0 within the role.
  package var index: Int
  package var arguments: [String]
  package var environment: [String: String]
  /// A command that ends in becoming the one it is given, such as `nice`; empty for none.
  package var prefix: [String] = []

  package init(role: Role, index: Int, arguments: [String], environment: [String: String]) {
    self.role = role
    self.index = index
    self.arguments = arguments
    self.environment = environment
  }

  package var name: String { role == .learner ? role.rawValue : "\(role.rawValue)-\(index)" }
}

/// How a process of a local run ended.
package enum ProcessEnd: Sendable, Hashable, CustomStringConvertible {
  case exited(Int32)
  case killed(signal: Int32)

  /// The exit code of a process that would fail again until somebody changes a setting: EX_CONFIG of sysexits.
  package static let misconfigured: Int32 = 78

  /// Of a peer whose learner ended before the run was complete: EX_UNAVAILABLE.
  package static let abandoned: Int32 = 69

  package var description: String {
    switch self {
    case .exited(let code): "ended with exit code \(code)"
    case .killed(let signal): "was killed by signal \(signal)"
    }
  }
}

/// A role's process could not be started or kept alive.
package struct LaunchError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String
}

/// Starts the roles of a run as processes of this machine, with the same commands a person would use on several, and
/// starts again what dies.
package actor LocalCluster {
  package enum Event: Sendable {
    /// - at: seconds since 1970.
    case started(LocalProcess, pid: Int32, at: Double)
    case ended(LocalProcess, pid: Int32, startedAt: Double, ProcessEnd, willRestart: Bool)
  }

  private let executable: String
  private let logs: String
  private let maximumRestarts: Int
  private let wiring: any ClusterWiring
  private let onEvent: @Sendable (Event) -> Void
  private var running: [String: Process] = [:]
  private var restarts: [String: Int] = [:]
  private var ends: [String: ProcessEnd] = [:]
  private var waiting: [String: [CheckedContinuation<ProcessEnd, Never>]] = [:]
  private var isStopping = false

  /// - Parameters:
  ///   - logs: folder for one log file a process.
  ///   - maximumRestarts: of each process; after that it stays down.
  ///   - wiring: how each process is started.
  package init(
    executable: String, logs: String, maximumRestarts: Int = 20, wiring: any ClusterWiring = DirectWiring(),
    onEvent: @escaping @Sendable (Event) -> Void
  ) {
    self.executable = executable
    self.logs = logs
    self.maximumRestarts = maximumRestarts
    self.wiring = wiring
    self.onEvent = onEvent
  }

  package func start(_ member: LocalProcess) throws {
    let process = Process()
    let command = wiring.command(for: member)
    let words = command.prefix + [executable] + command.arguments
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.environment = ProcessInfo.processInfo.environment.merging(command.environment) { _, new in new }
    let log = try logFile(of: member)
    // The process has it now; Foundation's `Process` would hold it for as long as this one lives.
    defer { try? log.close() }
    let startedAt = Date().timeIntervalSince1970
    process.standardOutput = log
    process.standardError = log
    process.standardInput = FileHandle.nullDevice
    process.terminationHandler = { [weak self] process in
      let end: ProcessEnd =
        process.terminationReason == .exit
        ? .exited(process.terminationStatus) : .killed(signal: process.terminationStatus)
      let pid = process.processIdentifier
      Task { await self?.ended(member, pid: pid, startedAt: startedAt, end) }
    }
    do {
      try process.run()
    } catch {
      throw LaunchError(
        code: "cluster.cannot-start", message: "cannot start \(member.name) (\(words[0])): \(error)",
        advice: "check that the program is there and may be run")
    }
    running[member.name] = process
    ends[member.name] = nil
    tell(.started(member, pid: process.processIdentifier, at: startedAt))
  }

  /// Whether the process has ended and will not be started again.
  package func hasEnded(_ member: LocalProcess) -> Bool { ends[member.name] != nil }

  /// Waits until the process has ended and will not be started again.
  package func end(of member: LocalProcess) async -> ProcessEnd {
    if let end = ends[member.name] { return end }
    return await withCheckedContinuation { waiting[member.name, default: []].append($0) }
  }

  /// Nothing is started again from here on.
  package func beginStopping() {
    isStopping = true
  }

  /// Asks every process of the role to stop in good order.
  package func terminate(_ role: Role) {
    isStopping = true
    for (name, process) in running where name.hasPrefix(role.rawValue) && process.isRunning {
      kill(process.processIdentifier, SIGTERM)
    }
  }

  /// Waits for all processes to end. Those that were not told to, because the learner ended before they had found it
  /// again, are asked to; those that have not ended after `grace` are killed.
  package func stopAll(grace: Duration) async {
    isStopping = true
    let started = ContinuousClock.now
    var areAsked = false
    while running.values.contains(where: \.isRunning), ContinuousClock.now < started + grace {
      if !areAsked, ContinuousClock.now > started + grace * 0.1 {
        areAsked = true
        for process in running.values where process.isRunning { kill(process.processIdentifier, SIGTERM) }
      }
      try? await Task.sleep(for: .milliseconds(20))
    }
    for process in running.values where process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  private func tell(_ event: Event) {
    wiring.note(event)
    onEvent(event)
  }

  private func ended(_ member: LocalProcess, pid: Int32, startedAt: Double, _ end: ProcessEnd) async {
    running[member.name] = nil
    let restart = shouldRestart(member, after: end)
    tell(.ended(member, pid: pid, startedAt: startedAt, end, willRestart: restart))
    if restart {
      let count = restarts[member.name, default: 0] + 1
      restarts[member.name] = count
      var backoff = Backoff(first: .milliseconds(100), ceiling: .seconds(5), seed: UInt64(member.index))
      for _ in 1..<count { _ = backoff.next() }
      try? await Task.sleep(for: backoff.next())
      if !isStopping, (try? start(member)) != nil { return }
    }
    ends[member.name] = end
    for waiter in waiting.removeValue(forKey: member.name) ?? [] { waiter.resume(returning: end) }
  }

  /// What was killed comes back. What ended by itself had a reason that a second start would meet again, except for
  /// workers and scorers, which end when they lose a learner that is on its way back, or say that it would not help.
  private func shouldRestart(_ member: LocalProcess, after end: ProcessEnd) -> Bool {
    guard !isStopping, restarts[member.name, default: 0] < maximumRestarts else { return false }
    switch end {
    case .killed: return true
    case .exited(let code): return code != 0 && ![ProcessEnd.misconfigured, ProcessEnd.abandoned].contains(code) && member.role != .learner
    }
  }

  private func logFile(of member: LocalProcess) throws -> FileHandle {
    try DurableFiles.createFolder(logs)
    let path = "\(logs)/\(member.name).log"
    let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }
}
