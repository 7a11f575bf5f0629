internal import Cluster
internal import ClusterZeroMQ
package import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Limits
package import Rollout
internal import RunStore
package import Settings
internal import Torch
internal import ZeroMQ

/// What a role's process needs to know besides what the learner tells it.
package struct JoinOptions: Sendable {
  /// The learner's control socket, `tcp://HOST:PORT`.
  package var learner: String
  /// An invite, or a folder of keys.
  package var keys: String
  /// The name of the process's key in that folder; nil with an invite, which has it.
  package var name: String?
  /// Where model files are kept; fetched again if their hash does not agree.
  package var cache: String
  /// A folder of this machine that may have the model already.
  package var model: String?
  package var threads: Int
  /// For tensors; nil for the one that the run's settings name.
  package var device: String?
  package var giveUpAfter: Duration
  /// Where to say how the process is.
  package var status: String?

  package init(
    learner: String, keys: String, name: String?, cache: String, model: String? = nil, threads: Int, device: String? = nil,
    giveUpAfter: Duration = .seconds(60), status: String? = nil
  ) {
    self.model = model
    self.device = device
    self.status = status
    self.learner = learner
    self.keys = keys
    self.name = name
    self.cache = cache
    self.threads = threads
    self.giveUpAfter = giveUpAfter
  }

  fileprivate var link: LearnerLink.Settings {
    LearnerLink.Settings(silence: .seconds(3), giveUpAfter: giveUpAfter)
  }

  fileprivate var seed: UInt64 { UInt64(getpid()) }

  /// - Parameter name: the folder of the learner's model files that a local model stands in for.
  fileprivate func files(as name: String) -> ArtifactCache {
    ArtifactCache(root: cache, local: model.map { [name: $0] } ?? [:])
  }

  /// Writes the status file, and says what is wrong with the network while there is no welcome.
  fileprivate func reports(
    as role: Role, _ log: @escaping @Sendable (LogLevel, String) -> Void
  ) -> @Sendable (RoleCondition) -> Void {
    let file = status.map { StatusFile($0, role: role) }
    let complaint = UnansweredJoin(learner: learner, log: log)
    return { condition in
      file?.write(condition)
      complaint.note(isJoined: condition.isJoined)
    }
  }
}

/// A line of a role's log: wall-clock time, level, text.
@Sendable package func logLine(_ level: LogLevel, _ text: String) {
  let time = Date().formatted(.iso8601.time(includingFractionalSeconds: true))
  FileHandle.standardError.write(Data("\(time) \(level.rawValue): \(text)\n".utf8))
}

package enum RoleProcess {
  /// Every connection takes a descriptor, and what a shell allows is meant for programs with a few files.
  static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  /// Runs a rollout worker until the run ends or it is stopped.
  package static func worker(_ options: JoinOptions, credit: Int, interruption: Interruption) async throws -> RunEnd {
    let keys = try Misconfiguration.of { try JoinKeys(options.keys, name: options.name, as: .worker) }
    let log = PacedLog(logLine).log
    let transport = try await ZeroMQPeerTransport.worker(
      learner: options.learner, keys: keys.pair, learnerKey: keys.learner, report: { log(.warning, $0) })
    let service = WorkerService(
      transport: transport, generator: PolicyGenerator(threads: options.threads, atOnce: credit, localModel: options.model, device: options.device),
      files: options.files(as: "policy"), log: log, report: options.reports(as: .worker, log))
    interruption.onRequest { service.stop(reason: $0) }
    let hello = Hello(role: .worker, host: hostName(), processID: getpid())
    let settings = WorkerRole.Settings(
      link: options.link, credit: credit, grace: .seconds(3), hasLocalModel: options.model != nil)
    return await service.run(hello: hello, settings: settings, seed: options.seed)
  }

  /// Runs a reward scorer until the run ends or it is stopped.
  ///
  /// - Parameters:
  ///   - bind: where groups are taken, `tcp://ADDRESS:PORT`, port 0 for any.
  ///   - advertised: where workers reach that; nil if it is there.
  package static func scorer(
    _ options: JoinOptions, bind: String, advertised: String?, interruption: Interruption
  ) async throws -> RunEnd {
    raiseDescriptorLimit()
    let keys = try Misconfiguration.of { try JoinKeys(options.keys, name: options.name, as: .scorer) }
    let log = PacedLog(logLine).log
    let transport = try await ZeroMQPeerTransport.scorer(
      learner: options.learner, bind: bind, advertised: advertised, keys: keys.pair, learnerKey: keys.learner,
      report: { log(.warning, $0) })
    let service = ScorerService(
      transport: transport, scorer: GroupGrader(threads: options.threads, device: options.device, log: log), files: options.files(as: "thinking"),
      log: log, report: options.reports(as: .scorer, log))
    interruption.onRequest { service.stop(reason: $0) }
    let hello = Hello(
      role: .scorer, host: hostName(), processID: getpid(), endpoint: transport.endpoint,
      publicKey: transport.publicKey)
    let settings = ScorerRole.Settings(link: options.link)
    return await service.run(hello: hello, settings: settings, seed: options.seed)
  }

  /// Runs the learner of the run in `settings.run.folder`, from its newest good checkpoint, until all work is done.
  ///
  /// - Parameters:
  ///   - takingOver: whether another learner that seems to have the run is replaced.
  ///   - status: where to say how the process is.
  package static func learner(
    _ settings: RunSettings, bind: String, keys keyFolder: String, takingOver: Bool, status: String? = nil,
    interruption: Interruption
  ) async throws -> RunEnd {
    raiseDescriptorLimit()
    let folder = RunFolder(settings.run.folder)
    let lock = try folder.open(as: "learner", takingOver: takingOver)
    defer { withExtendedLifetime(lock) {} }
    try folder.keep(settings)
    try TorchRuntime.setThreads(settings.cluster.learnerThreads)
    if takingOver, let pid = WriteLock.stuckHolder(of: folder.store, patience: .seconds(2)) {
      // It stopped in the middle of a record, so it cannot be shut out: only its end frees the journal.
      logLine(.warning, "ended process \(pid), which hangs in the middle of a record of \(folder.store)")
      kill(pid, SIGKILL)
    }
    let store = try RunStore(path: folder.store)
    let telemetry = try RunTelemetry(path: folder.store)
    let log = PacedLog { level, text in
      logLine(level, text)
      try? telemetry.record(event: RunEvent(level.asEventLevel, source: "learner", text))
    }.log
    let rows = try readRows(settings.data.trainFiles, settings.data)
    let heldOut = try readRows(settings.data.heldOutFiles, settings.data)
    let engine = LearnerEngine(settings: settings, folder: folder.path, rows: rows, heldOut: heldOut)
    let resumed = try await resume(engine, store, log)
    let recovered = try store.rollBack(to: UInt32(resumed.version))
    try await engine.begin(incarnation: recovered.incarnation + 1, checkpoints: recovered.checkpoints.map(\.path))

    let runKeys = RunKeys(folder: keyFolder)
    let offer = LearnerOffer(
      run: (folder.path as NSString).lastPathComponent, heartbeat: .seconds(settings.cluster.heartbeatSeconds),
      settings: try settings.json(), trustGRPO: settings.algorithm, artifacts: try artifacts(settings),
      groupSize: settings.rollout.groupSize, responseTokens: settings.rollout.maximumResponseTokens, host: hostName(),
      history: history(folder))
    let transport = try await listen(bind, folder, runKeys, offer.limits, log)
    let host = bind.split(separator: ":").dropLast().joined(separator: ":")
    let endpoint = "\(host):\(transport.ports.control)"
    try DurableFiles.write(
      "\(endpoint)\n\(getpid())\n\(host):\(transport.ports.publish)\n\(host):\(transport.ports.data)\n", to: folder.endpoint)
    log(.info, "listening on \(endpoint), at version \(resumed.version) of \(settings.run.steps)")

    let statusFile = status.map { StatusFile($0, role: .learner) }
    let service = LearnerService(
      offer: offer, transport: transport, trainer: engine,
      catalogue: RowCatalogue(rows: rows, system: settings.data.systemPrompt), journal: store, log: log,
      report: { statusFile?.write($0) })
    interruption.onRequest { service.stop(reason: $0) }
    let watching = watch(runKeys, transport, service, log)
    defer { watching.cancel() }
    let end = try await service.run(
      settings: settings.learnerSettings(vocabularySize: try await engine.vocabularySize),
      schedule: Schedule(rows: rows.count, seed: settings.run.seed, shuffled: settings.data.shuffle),
      recovered: recovered, manifest: resumed)
    if case .completed = end {
      // The role's loop has ended, and a large policy takes a while: probes must not take that for a process that hangs.
      let saving = Task {
        while !Task.isCancelled {
          statusFile?.write(RoleCondition(isReady: false, isJoined: true, text: "the run is complete; saves the policy"))
          try? await Task.sleep(for: .seconds(1))
        }
      }
      defer { saving.cancel() }
      try await engine.savePolicy(to: folder.policy)
    }
    if case .failed = end { return end }
    try store.close()
    return end
  }

  /// Loads the newest checkpoint that verifies; one that does not is named and the one before it is tried.
  private static func resume(
    _ engine: LearnerEngine, _ store: RunStore, _ log: @Sendable (LogLevel, String) -> Void
  ) async throws -> WeightManifest {
    for checkpoint in try store.checkpoints() {
      do {
        let manifest = try await engine.load(
          checkpoint: checkpoint.path, step: checkpoint.step, expecting: checkpoint.policy)
        log(.info, "going on from the checkpoint of step \(checkpoint.step)")
        return manifest
      } catch {
        log(.error, "the checkpoint of step \(checkpoint.step) is not used: \(error)")
      }
    }
    return try await engine.loadBase()
  }

  /// Where any port will do, a learner that starts again takes the one it had: that is where its peers look for it.
  private static func listen(
    _ bind: String, _ folder: RunFolder, _ keys: RunKeys, _ limits: Limits, _ log: @escaping @Sendable (LogLevel, String) -> Void
  ) async throws -> ZeroMQLearnerTransport {
    let (pair, allowed) = try Misconfiguration.of { (try keys.pair(of: RunKeys.learnerName), try keys.allowed()) }
    func open(_ address: String, isOwnChoice: Bool = true) async throws -> ZeroMQLearnerTransport {
      try await ZeroMQLearnerTransport.open(
        bind: address, takesNextPorts: isOwnChoice, keys: pair, allowed: allowed, limits: limits, report: { log(.warning, $0) })
    }
    guard bind.hasSuffix(":0"), let last = folder.learnerAddresses?.control, last.hasPrefix(bind.dropLast()) else {
      return try await open(bind)
    }
    do {
      return try await open(last, isOwnChoice: false)
    } catch let error as ZeroMQError where error.code == "zeromq.address-in-use" {
      return try await open(bind)
    }
  }

  /// Takes over what `sophia keys allow` and `revoke` do to the list while the learner runs. A list that cannot be read
  /// changes nothing: it may be in the middle of being edited by hand.
  private static func watch(
    _ keys: RunKeys, _ transport: ZeroMQLearnerTransport, _ service: LearnerService,
    _ log: @escaping @Sendable (LogLevel, String) -> Void
  ) -> Task<Void, Never> {
    Task {
      var (known, complaint) = (transport.allowed, "")
      while !Task.isCancelled {
        try? await Task.sleep(for: .seconds(1))
        do {
          let allowed = try keys.allowed()
          complaint = ""
          guard allowed != known else { continue }
          try transport.admit(only: allowed)
          service.admits(allowed)
          let (before, now) = (Set(known.map(\.name)), Set(allowed.map(\.name)))
          let changes = now.subtracting(before).sorted().map { "\($0) may join" } + before.subtracting(now).sorted().map { "\($0) may no longer join" }
          log(.info, "the list of keys has changed: \(changes.isEmpty ? "other keys" : changes.joined(separator: ", "))")
          known = allowed
        } catch {
          if "\(error)" != complaint { log(.warning, "the list of keys stays as it was: \(error)") }
          complaint = "\(error)"
        }
      }
    }
  }

  private static func artifacts(_ settings: RunSettings) throws -> [(artifact: Artifact, file: String)] {
    var files: [(path: String, file: String)] = PolicyFolder.configurationFiles.map {
      ("policy/\($0)", "\(settings.model.folder)/\($0)")
    }
    if settings.thinking.kind == .local {
      files += try PolicyFolder.allFiles(in: settings.thinking.folder).map {
        ("thinking/\($0)", "\(settings.thinking.folder)/\($0)")
      }
    }
    return try files.filter { FileManager.default.fileExists(atPath: $0.file) }.map { path, file in
      let bytes = try DurableFiles.read(file, limit: Limits.standard.messages.artifact)
      return (Artifact(path: path, byteCount: bytes.count, digest: SHA256Digest(of: bytes)), file)
    }
  }

  /// What observers ask for. A connection of its own: they must not hold up the ledger.
  private static func history(_ folder: RunFolder) -> @Sendable (UnitID) throws -> [UnitStory.Event] {
    { unit in try RunReader(path: folder.store).story(of: unit) }
  }

  private static func hostName() -> String { ProcessInfo.processInfo.hostName }
}

/// The rows of all `files`, in order.
package func readRows(_ files: [String], _ settings: RunSettings.Data) throws -> [DataRow] {
  let keys = RowKeys(prompt: settings.promptKey, answer: settings.answerKey, image: settings.imageKey ?? "path")
  return try files.flatMap { try DataFile.read($0, keys: keys, use: .grading) }
}

extension LogLevel {
  fileprivate var asEventLevel: RunEvent.Level {
    switch self {
    case .debug, .info: .note
    case .warning: .warning
    case .error: .error
    }
  }
}

extension RunSettings {
  fileprivate func learnerSettings(vocabularySize: Int) -> LearnerSettings {
    LearnerSettings(
      totalSteps: UInt32(run.steps), promptsPerStep: rollout.promptsPerStep,
      admission: AdmissionRules(
        groupSize: rollout.groupSize, maximumResponseTokens: rollout.maximumResponseTokens,
        vocabularySize: vocabularySize, staleness: rollout.staleness),
      leaseDuration: .seconds(cluster.leaseSeconds), heartbeat: .seconds(cluster.heartbeatSeconds),
      peerTimeout: .seconds(cluster.peerTimeoutSeconds), maximumAttempts: UInt32(cluster.maximumAttempts),
      checkpointEvery: UInt32(run.checkpointEvery), keepCheckpoints: run.keepCheckpoints, keepsGroups: run.keepGroups,
      hedgeAfter: cluster.hedgeAfter > 0 ? cluster.hedgeAfter : nil, shutdownGrace: .seconds(3),
      stallAfter: .seconds(cluster.stallWarningSeconds),
      endAfterStall: cluster.stallLimitSeconds > 0 ? .seconds(cluster.stallLimitSeconds) : nil)
  }
}
