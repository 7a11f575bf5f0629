internal import ActionableErrors
package import Cluster
package import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Rollout
internal import RunStore
package import Settings

/// A run that cannot start or go on.
package struct RunError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String
}

/// How processes of a run end when it is not with success or failure; from sysexits.
package enum RunExit {
  /// Stopped, and can go on later: EX_TEMPFAIL.
  package static let interrupted: Int32 = 75
  /// No progress for `cluster.stallLimitSeconds`: EX_UNAVAILABLE.
  package static let stalled: Int32 = 69
  /// Of a scorer or worker whose learner ended before the run was complete. The same, because to it that is what it is.
  package static let abandoned = ProcessEnd.abandoned
  /// Would fail again until somebody changes a setting: EX_CONFIG.
  package static let misconfigured = ProcessEnd.misconfigured
}

/// How a command on a run ended.
package enum RunOutcome: Sendable, Equatable {
  case completed
  case interrupted
  /// Ended because nothing had happened for `cluster.stallLimitSeconds`, for this reason.
  case stalled(String)
}

/// A run on this machine: one learner, scorers and workers as processes of their own, evaluated before and after.
package struct TrainingRun: Sendable {
  private let settings: RunSettings
  private let folder: RunFolder
  private let executable: String
  private let progress: TerminalProgress
  private let interruption: Interruption
  private let wiring: any ClusterWiring

  /// - Parameters:
  ///   - executable: the program whose `learner`, `scorer` and `worker` commands are started.
  ///   - wiring: how they are started and reach one another.
  package init(
    settings: RunSettings, executable: String, progress: TerminalProgress, interruption: Interruption,
    wiring: any ClusterWiring = DirectWiring()
  ) {
    self.wiring = wiring
    self.settings = settings
    folder = RunFolder(settings.run.folder)
    self.executable = executable
    self.progress = progress
    self.interruption = interruption
  }

  package func run() async throws -> RunOutcome {
    let lock = try folder.open(as: "train")
    defer { withExtendedLifetime(lock) {} }
    try folder.keep(settings)
    let telemetry = try RunTelemetry(path: folder.store)
    try telemetry.set("seed", to: String(settings.run.seed))
    try telemetry.set("settings", to: settings.json())

    let evaluation = HeldOutEvaluation(settings: settings, folder: folder, progress: progress)
    guard try evaluation.run(.before, telemetry, shouldStop: { interruption.isRequested }) else { return .interrupted }
    let outcome = try await train(telemetry)
    guard outcome == .completed else { return outcome }
    guard try evaluation.run(.after, telemetry, shouldStop: { interruption.isRequested }) else { return .interrupted }
    try evaluation.recordExamples(telemetry)
    try telemetry.foldLog()
    return .completed
  }

  // MARK: Training

  private func train(_ telemetry: RunTelemetry) async throws -> RunOutcome {
    let reader = try RunReader(path: folder.store)
    if FileManager.default.fileExists(atPath: "\(folder.policy)/config.json"),
      try reader.latestStep()?.step == UInt32(settings.run.steps)
    {
      return .completed
    }
    let started = ContinuousClock.now
    let startedAt = Date().timeIntervalSince1970
    let keys = RunKeys(folder: folder.keys)
    try keys.create(scorers: settings.cluster.scorers, workers: settings.cluster.workers)
    let (ends, ended) = AsyncStream.makeStream(of: LocalProcess.self)
    let cluster = LocalCluster(executable: executable, logs: folder.logs, wiring: wiring) { event in
      record(event, telemetry)
      // Nobody can do its work until a setting is changed.
      if case .ended(let process, _, _, .exited(ProcessEnd.misconfigured), false) = event { ended.yield(process) }
    }
    let misconfigured = Task {
      defer { ended.finish() }
      for await process in ends {
        await cluster.terminate(.learner)
        return process as LocalProcess?
      }
      return nil
    }
    defer { misconfigured.cancel() }
    let learner = LocalProcess(
      role: .learner, index: 0,
      arguments: [
        "learner", folder.settings, "--bind", wiring.bind(settings.cluster.bind), "--keys", folder.keys, "--parent",
        "\(getpid())",
      ],
      environment: Self.environment(threads: settings.cluster.learnerThreads))
    try? DurableFiles.remove(folder.endpoint)
    let observer = interruption.onRequest { _ in Task { await cluster.terminate(.learner) } }
    defer { interruption.forget(observer) }
    do {
      try await start(learner, in: cluster)
    } catch {
      await cluster.beginStopping()
      await cluster.stopAll(grace: .seconds(1))
      throw error
    }
    let watching = watch(reader)
    let end = await cluster.end(of: learner)
    watching.cancel()
    await watching.value
    await cluster.beginStopping()
    await cluster.stopAll(grace: .seconds(5))
    misconfigured.cancel()
    if let process = await misconfigured.value {
      throw RunError(
        code: "run.misconfigured", message: "\(process.name) cannot do its work: \(lastLine(of: process.name))",
        advice: "change what it names; the same command then goes on from the last checkpoint")
    }
    try telemetry.record(
      stage: RunStage(name: "trust-grpo", startedAt: startedAt, seconds: (ContinuousClock.now - started).inSeconds))
    switch end {
    case .exited(0): return .completed
    case .exited(RunExit.interrupted) where interruption.isRequested: return .interrupted
    case .exited(RunExit.stalled): return .stalled(lastLine(of: "learner"))
    default:
      throw RunError(
        code: "run.learner-failed", message: "the learner \(end): \(lastLine(of: "learner"))",
        advice: "see \(folder.logs)/learner.log; the same command goes on from the last checkpoint")
    }
  }

  /// The learner, and once it listens those who join it.
  private func start(_ learner: LocalProcess, in cluster: LocalCluster) async throws {
    try await cluster.start(learner)
    guard let addresses = try await waitForAddresses(learner, in: cluster) else { return }
    for index in 0..<settings.cluster.scorers {
      try await cluster.start(peer(.scorer, index, addresses, threads: settings.cluster.scorerThreads))
    }
    for index in 0..<settings.cluster.workers {
      try await cluster.start(peer(.worker, index, addresses, threads: settings.cluster.workerThreads))
    }
  }

  private func peer(
    _ role: Role, _ index: Int, _ learner: LearnerAddresses, threads: Int
  ) async throws -> LocalProcess {
    var peer = LocalProcess(role: role, index: index, arguments: [], environment: Self.environment(threads: threads))
    peer.arguments = [
      role.rawValue, "--join", try await wiring.endpoint(for: peer, learner: learner), "--keys", folder.keys, "--name",
      peer.name, "--cache", "\(folder.cache)/\(peer.name)", "--threads", "\(threads)", "--parent", "\(getpid())",
    ]
    if role == .worker { peer.arguments += ["--credit", "\(settings.cluster.credit)"] }
    return peer
  }

  /// Threads that wait must not spin for long, because several processes share the cores; but a process of several threads
  /// meets at a barrier after every tensor operation, and sleeping at each costs more than the operation. So they spin for
  /// some hundred microseconds.
  private static func environment(threads: Int) -> [String: String] {
    ["OMP_NUM_THREADS": "\(threads)", "OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": threads > 1 ? "200000" : "0"]
  }

  /// - Returns: nil if the learner ended before it listened.
  private func waitForAddresses(_ learner: LocalProcess, in cluster: LocalCluster) async throws -> LearnerAddresses? {
    let deadline = ContinuousClock.now + .seconds(120)
    while await !cluster.hasEnded(learner) {
      if let addresses = folder.learnerAddresses { return addresses }
      guard ContinuousClock.now < deadline else {
        throw RunError(
          code: "run.learner-silent", message: "the learner has not begun to listen within 120 s",
          advice: "see \(folder.logs)/learner.log")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
    return nil
  }

  private func watch(_ reader: RunReader) -> Task<Void, Never> {
    Task { [settings, progress] in
      let stage = progress.stage("trust-grpo", total: settings.run.steps)
      var shown: UInt32 = 0
      func show() {
        guard let step = try? reader.latestStep(), step.step != shown else { return }
        shown = step.step
        let metrics = (try? reader.metrics(of: step.step)) ?? []
        func metric(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
        var numbers: [(String, Double)] = []
        for (name, label) in [("outcome", "outcome"), ("thinking", "thinking"), ("gamma", "gamma"), ("kl", "KL")] {
          if let value = metric(name), value.isFinite { numbers.append((label, value)) }
        }
        if let rate = try? reader.responsesPerSecond(last: 10) { numbers.append(("responses/s", rate)) }
        stage.update(done: Int(step.step), numbers: numbers)
      }
      while !Task.isCancelled {
        show()
        try? await Task.sleep(for: .milliseconds(500))
      }
      show()
      let rate = (try? reader.responsesPerSecond()) ?? nil
      stage.finish(rate.map { "\(Int($0)) responses/s" } ?? "")
    }
  }

  private func record(_ event: LocalCluster.Event, _ telemetry: RunTelemetry) {
    let host = ProcessInfo.processInfo.hostName
    switch event {
    case .started(let process, let pid, let startedAt):
      try? telemetry.record(
        process: RunProcess(
          role: process.role.rawValue, number: process.index, pid: pid, host: host, startedAt: startedAt))
    case .ended(let process, let pid, let startedAt, let end, let willRestart):
      try? telemetry.record(
        process: RunProcess(
          role: process.role.rawValue, number: process.index, pid: pid, host: host, startedAt: startedAt,
          endedAt: Date().timeIntervalSince1970,
          exit: end.description))
      guard end != .exited(0), end != .exited(RunExit.abandoned), !interruption.isRequested else { return }
      let text = "\(process.name) (pid \(pid)) \(end)" + (willRestart ? "; starting it again" : "")
      try? telemetry.record(event: RunEvent(.warning, source: "train", text))
      progress.print(text)
    }
  }

  private func lastLine(of name: String) -> String {
    let bytes = (try? DurableFiles.read("\(folder.logs)/\(name).log")) ?? []
    let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n").last ?? "it left no message"
    // Without the time and the level that it begins with.
    let said = line.split(separator: " ", maxSplits: 2)
    return said.count == 3 && said[1].hasSuffix(":") && said[0].contains(":") ? String(said[2]) : String(line)
  }
}
