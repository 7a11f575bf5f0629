internal import DurableFiles
internal import Rollout
internal import TrustGRPO
internal import WeightDeltas
internal import Wire

/// The learner's process: what its service does with the machine's actions.
extension Simulation {
  // MARK: Starting

  /// Goes on from what is on the disk.
  func startLearner() throws {
    if processes[0].life > 0 { tally.restarts += 1 }
    processes[0].engineFreeAt = 0
    let life = processes[0].life
    try takeUpJournal()
    guard let (policy, recovered) = try resume() else {
      tell(.process("learner")) { "the learner cannot start: the disk does not take its first record" }
      return stop(0, restartAfter: options.restart)
    }
    var settings = LearnerSettings(
      totalSteps: options.steps, promptsPerStep: options.promptsPerStep,
      admission: AdmissionRules(
        groupSize: options.groupSize, maximumResponseTokens: SimulatedSampling.maximumTokens,
        vocabularySize: SimulatedSampling.vocabulary, staleness: options.staleness),
      leaseDuration: .seconds(options.leaseDuration), heartbeat: .seconds(options.heartbeat),
      peerTimeout: .seconds(options.peerTimeout), maximumAttempts: options.maximumAttempts,
      checkpointEvery: options.checkpointEvery, keepCheckpoints: options.keepCheckpoints,
      keepsGroups: options.keepsGroups, hedgeAfter: options.hedgeAfter, shutdownGrace: .seconds(10),
      stallAfter: .seconds(60), endAfterStall: nil)
    settings.planted = options.planted
    let manifest = policy.manifest
    let first = PolicyVersion(first: manifest, weights: policy.bytes)
    var role = LearnerRole(
      settings: settings, schedule: ReferenceRun(options: options, seed: seed).schedule, recovered: recovered,
      manifest: manifest, now: processes[0].clock.instant(at: now))
    let actions = role.start(at: processes[0].clock.instant(at: now))
    tell(.process("learner")) {
      "the learner starts as incarnation \(role.incarnation) at version \(policy.version): \(recovered.units.count) units, \(recovered.groups.count) groups, \(recovered.leases.count) leases out"
    }
    learner = SimulatedLearner(life: life, role: role, policy: policy, version: first)
    post(.timer(process: 0, life: life), after: options.heartbeat * 0.25)
    try carryOut(actions)
  }

  /// Reads on where the judge is: what was written by a process that died is there, synced or not.
  private func takeUpJournal() throws {
    let bytes = disk.read(JournalFile.name) ?? []
    if bytes.count < judged { try judgeAgain(bytes) }
    let (entries, end) = try journalFile.read(bytes, from: judged)
    try judge(entries)
    if end < bytes.count {
      tell(.process("learner")) { "the journal's last \(bytes.count - end) bytes are no whole commit and are cut off" }
      tally.fired[.tornWrite, default: 0] += 1
      disk.truncate(JournalFile.name, to: end)
    }
    judged = end
  }

  /// More is gone than what was never synced, or never judged.
  private func judgeAgain(_ bytes: [UInt8]) throws {
    judge = LedgerJudge()
    judged = 0
    line = [0: SimulatedPolicy().bytes]
    formerLines = [:]
    let (entries, end) = try journalFile.read(bytes, from: 0)
    try judge(entries)
    judged = end
    try checkAcknowledged()
  }

  /// Loads the newest checkpoint that is whole, or begins anew, and takes the ledger back to it.
  ///
  /// - Returns: nil if the disk did not take that.
  private func resume() throws -> (SimulatedPolicy, RecoveredLedger)? {
    var policy = SimulatedPolicy()
    for record in judge.checkpoints.reversed() {
      if let found = loadCheckpoint(record) {
        policy = found
        break
      }
      tell(.process("learner")) { "the checkpoint of step \(record.step) is damaged and is not used" }
      guard damaged.contains(record.path) else {
        throw Violation("S11", "the checkpoint of step \(record.step) is in the journal, and is not whole on the disk")
      }
      fire(.bitFlip)
    }
    do throws(SimulatedDisk.Failure) {
      try disk.append(journalFile.bytes(ofRollBackTo: UInt32(policy.version), wall: wall), to: JournalFile.name)
      try disk.sync(JournalFile.name)
      disk.syncNames()
    } catch {
      fire(error == .full ? .diskFull : .syncFailure)
      disk.truncate(JournalFile.name, to: max(judged, disk.syncedCount(JournalFile.name)))
      return nil
    }
    let recovered = judge.rollBack(to: UInt32(policy.version))
    takeBackLine(to: UInt32(policy.version))
    judged = disk.read(JournalFile.name)?.count ?? 0
    try checkAcknowledged()
    return (policy, recovered)
  }

  private func loadCheckpoint(_ record: CheckpointRecord) -> SimulatedPolicy? {
    guard let bytes = disk.read(record.path), bytes.count > SHA256Digest.byteCount else { return nil }
    let content = Array(bytes.dropLast(SHA256Digest.byteCount))
    let isWhole = SHA256Digest(of: content).bytes == Array(bytes.suffix(SHA256Digest.byteCount))
    guard isWhole || options.planted == .trustDamagedCheckpoint else { return nil }
    guard let policy = SimulatedPolicy(version: UInt64(record.step), bytes: content) else { return nil }
    guard options.planted != .trustDamagedCheckpoint else { return policy }
    return policy.manifest.digest == record.policy ? policy : nil
  }

  // MARK: Events

  func tellLearner(_ event: LearnerEvent, life: UInt32) throws {
    if life == learner?.life {
      guard processes[0].isUp else { return }
      if isHeldUp(0, by: .learner(life: life, event)) { return }
      if !waitsForLoop(event) { try learnerTakes(event) }
    } else if life == stoppedLearner?.life {
      // It stands still: its machine is told when it goes on.
      stoppedLearner?.inbox.append(event)
    }
  }

  func learnerTakes(_ event: consuming LearnerEvent) throws {
    let time = processes[0].clock.instant(at: now)
    let worker = event.leaseHolder
    guard let actions = learner?.role.receive(consume event, at: time) else { return }
    try carryOut(consume actions)
    try checkLearner(after: worker)
  }

  func arriveAtLearner(_ letter: Letter, from client: Int, by plane: Plane) throws {
    let life = learner?.life ?? 0
    do {
      switch plane {
      case .control:
        let message = try peerMessage(letter)
        let peer = peer(client, letter.number)
        if processes[client].visitor != nil { noteVisit(client, message) }
        try tellLearner(.message(peer, role: processes[client].role, message), life: life)
      case .scored:
        let group = try scoredGroup(letter)
        if case .scored = letter.content { learner?.encodedGroups[group.lease] = (group, letter.frame.header) }
        let matches = Int(group.unit.prompt) < options.rows && taskDigest(of: group.unit.prompt) == group.taskDigest
        let peer = PeerID(name: processes[client].name, connection: "")
        try tellLearner(.scored(peer, role: processes[client].role, group, taskMatches: matches), life: life)
      case .broadcast, .groups: return
      }
    } catch let error as WireError {
      tell(.process("learner")) { "refused a message from \(processes[client].name): \(error.message)" }
      noteRefused(by: client)
    }
  }

  /// The name of its key, and the connection that it came by.
  private func peer(_ client: Int, _ connection: Int) -> PeerID {
    if let known = processes[client].knownAs, known.connection == connection { return known.peer }
    let peer = PeerID(name: processes[client].name, connection: "\(client).\(connection)")
    processes[client].knownAs = (connection, peer)
    return peer
  }

  // MARK: Actions

  func carryOut(_ actions: consuming [LearnerAction]) throws {
    try actions.handOn { action in
      // It may have ended with the one before.
      if learner != nil { try carryOut(action) }
    }
  }

  private func carryOut(_ action: consuming LearnerAction) throws {
    switch consume action {
    case .send(let peer, let message): try sendFromLearner(message, to: peer)
    case .welcome(let peer, let incarnation, let scorers):
      try noteSpoken(incarnation)
      try sendFromLearner(.welcome(welcome(incarnation, scorers)), to: peer)
    case .lease(let peer, let id, let unit, let attempt, let version, let step):
      try noteSpoken(id.incarnation)
      tell(.unit(unit)) { "lease \(id) of unit \(unit) (attempt \(attempt), step \(step)) goes to \(peer)" }
      let lease = Lease(
        id: id, unit: unit, attempt: attempt, version: version, step: step, task: SimulatedSampling.task(unit.prompt))
      try sendFromLearner(.lease(lease), to: peer)
    case .answer(let peer, let fetch): try answer(fetch, to: peer)
    // Nobody observes a simulated run.
    case .show, .tell: break
    case .journal(let records, let ticket): commit(records, ticket)
    case .train(let step, let groups): try train(step, groups)
    case .publish(let manifest): publish(manifest)
    case .release(let versions): learner?.weights.release(versions)
    case .checkpoint(let step): beginCheckpoint(step)
    case .removeCheckpoints(let paths): workDisk(.remove(paths), 0.01)
    case .log(let level, let text):
      tell(.process("learner")) { "learner \(level.rawValue): \(text)" }
      if text.hasPrefix("refused a group") { tally.refusals += 1 }
    case .finish(let how): try finishLearner(how)
    }
  }

  private func sendFromLearner(_ message: consuming LearnerMessage, to peer: PeerID) throws {
    if case .durable(let leases) = message { try noteAcknowledged(leases) }
    guard let process = process(of: peer), processes[process].control >= 0 else { return }
    send(consume message, by: processes[process].control)
  }

  private func welcome(_ incarnation: UInt32, _ scorers: [ScorerAddress]) -> Welcome {
    Welcome(
      run: "simulated", incarnation: incarnation, publishPort: 5556, dataPort: 5557, heartbeat: .seconds(options.heartbeat),
      settings: "{}", artifacts: [artifact], scorers: scorers, allowed: [], manifest: learner?.weights.newest, groupSize: options.groupSize,
      responseTokens: SimulatedSampling.maximumTokens)
  }

  private func answer(_ fetch: Fetch, to peer: PeerID) throws {
    guard let process = process(of: peer) else { return }
    let payload: Payload?
    switch fetch.source {
    case .weights, .delta:
      payload = learner?.weights.payload(fetch)
      // What is handed out is kept until whoever fetches it is done.
      if payload == nil, fetch.offset == 0 { throw Violation("S5", "\(fetch.source) was released and is handed out still") }
    case .artifact(let digest):
      let bytes = artifactBytes
      let isThere = digest == artifact.digest && fetch.offset < bytes.count
      payload = isThere ? Payload(bytes[fetch.offset..<min(bytes.count, fetch.offset + fetch.count)]) : nil
    }
    let message = payload.map { LearnerMessage.chunk(Chunk(source: fetch.source, offset: fetch.offset, payload: $0)) }
    send(
      message ?? .gone(fetch.source), by: processes[process].control, size: payload == nil ? nil : bulk(of: fetch))
  }

  private func publish(_ manifest: WeightManifest) {
    guard let trained = learner?.trained else { return }
    learner?.weights.publish(trained.version)
    if measuring != nil { measurePublished(manifest.version) }
    let frame = codec.encode(.announced(manifest))
    let content = Letter.Message.publication(.announced(manifest))
    for process in processes.indices where processes[process].broadcast >= 0 && connections[processes[process].broadcast].isUp {
      send(frame, of: content, by: processes[process].broadcast, isForward: false)
    }
  }

  private func finishLearner(_ how: RunEnd) throws {
    tell(.process("learner")) { "the learner ends: \(how)" }
    try checkFinish(how)
    if how == .completed {
      end = how
      endedAt = now
      processes[0].state = .ended
      learner = nil
      for connection in connections(of: 0) { breakConnection(connection) }
    } else {
      // Its supervisor starts it again.
      stop(0, restartAfter: options.restart)
    }
  }

  // MARK: Engine

  private func train(_ step: UInt32, _ groups: [ScoredGroup]) throws {
    guard var policy = learner?.trained.policy, let previous = learner?.trained.version, let life = learner?.life else { return }
    try checkBatch(step, groups)
    measuring?.note(trained: groups, in: step)
    policy.train(groups.map { ($0.unit, $0.responses) }, on: machine)
    var metrics: [Metric] = []
    let version = PolicyVersion(policy.manifest, weights: policy.bytes, after: previous, &metrics)
    let trained = TrainedStep(step: step, units: groups.map(\.unit), metrics: [Metric("machine", Double(machine))], policy: version.manifest.digest)
    learner?.trained = (policy, version)
    tell(.process("learner")) { "the learner trains step \(step) on \(groups.count) groups" }
    let seconds = options.costs.stepSeconds + Double(groups.count) * options.costs.trainingSecondsPerGroup
    work(0, seconds, then: .learner(life: life, .trained(trained, version.manifest)))
  }
}

extension LearnerEvent {
  /// The worker whose leases it can touch.
  fileprivate var leaseHolder: PeerID? {
    switch self {
    // Who fetches something does nothing to leases.
    case .message(_, _, .fetch): nil
    case .message(let peer, .worker, _): peer
    default: nil
    }
  }
}
