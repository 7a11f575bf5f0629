internal import DurableFiles
internal import Rollout

/// The learner's disk: the journal, whose records are durable once they are synced, and checkpoints, which are written
/// aside, synced and given their name.
extension Simulation {
  func postDisk(_ step: DiskStep, after seconds: Double) {
    guard let life = learner?.life else { return }
    post(.disk(life: life, step), after: seconds)
  }

  /// A step that is in line behind what the trainer does.
  func workDisk(_ step: DiskStep, _ seconds: Double) {
    guard let life = learner?.life else { return }
    work(0, seconds, then: .disk(life: life, step))
  }

  // MARK: Journal

  /// As the journal writer does: what comes while a commit is under way goes into the next one.
  func commit(_ records: [JournalRecord], _ ticket: Int) {
    guard let isBusy = learner?.isCommitting, learner?.hasFailed == false else { return }
    learner?.waiting += records
    learner?.lastTicket = ticket
    if !isBusy { writeJournal() }
  }

  var wall: UInt64 { UInt64(max(0, 1.7e9 + now.seconds + wallOffset) * 1e6) }

  private func writeJournal() {
    guard let records = learner?.waiting, let ticket = learner?.lastTicket, !records.isEmpty else { return }
    learner?.isCommitting = true
    guard learner?.incarnation == judge.incarnation || isBeginning(records) else {
      // Another learner has begun since: the journal shuts this one out.
      learner?.hasFailed = true
      tally.fired[.replaced, default: 0] += 1
      return postToLearner(.failed("the journal: a learner with a higher incarnation has taken over"))
    }
    do throws(SimulatedDisk.Failure) {
      try disk.append(journalFile.bytes(of: records, wall: wall, encoded: takeEncoded), to: JournalFile.name)
      if wallOffset != 0 { fire(.clockJump) }
    } catch {
      fire(.diskFull)
      postToLearner(.journalPaused(reason: "there is no space on the disk"))
      return postDisk(.journalRetry, after: 1)
    }
    learner?.committing = records
    learner?.waiting = []
    learner?.committingTicket = ticket
    if diskSlowness > 1 { fire(.slowDisk) }
    let groups = options.costs.journalSecondsPerGroup > 0 ? records.count { if case .admitted = $0 { true } else { false } } : 0
    let seconds = Double(groups) * options.costs.journalSecondsPerGroup
    journalSeconds += seconds
    if seconds == 0 || !work(.journal, seconds) { awaitSync(after: seconds) }
    spring(.journalUnsynced, within: options.costs.fsyncSeconds * diskSlowness)
  }

  /// The journal is written, or will be in so many seconds.
  func awaitSync(after seconds: Double = 0) {
    guard let ticket = learner?.committingTicket else { return }
    postDisk(.journalWritten(ticket: ticket), after: seconds + options.costs.fsyncSeconds * diskSlowness)
  }

  private func takeEncoded(_ group: ScoredGroup) -> [UInt8]? {
    guard let known = learner?.encodedGroups.removeValue(forKey: group.lease), known.group == group else { return nil }
    return known.bytes
  }

  private func isBeginning(_ records: [JournalRecord]) -> Bool {
    if case .incarnation = records.first { true } else { false }
  }

  func perform(_ step: DiskStep, life: UInt32) throws {
    // A process that is stopped does not notice that its disk is done; neither does one that was replaced.
    guard life == learner?.life, processes[0].isUp else { return }
    if isHeldUp(0, by: .disk(life: life, step)) { return }
    switch step {
    case .journalRetry:
      learner?.isCommitting = false
      writeJournal()
    case .journalWritten(let ticket): try syncJournal(ticket)
    case .checkpoint(let stage, let step, let path, let policy): try checkpoint(stage, step, path, policy)
    case .remove(let paths):
      for path in paths { disk.remove(path) }
      try checkCheckpoints()
    }
  }

  private func syncJournal(_ ticket: Int) throws {
    do throws(SimulatedDisk.Failure) {
      if options.planted != .skipSync { try disk.sync(JournalFile.name) }
    } catch {
      fire(.syncFailure)
      tell(.process("learner")) { "an fsync of the journal failed" }
      // The kernel may have thrown away what it could not write, and the next fsync would not say so.
      if options.planted == .retrySync {
        disk.loseUnsynced(JournalFile.name, all: true)
      } else {
        learner?.hasFailed = true
        disk.loseUnsynced(JournalFile.name, all: processes[0].random.chance(0.5))
        return postToLearner(.failed("the journal: an fsync failed"))
      }
    }
    try judgeSynced()
    learner?.isCommitting = false
    try tellLearner(.journaled(through: ticket), life: learner?.life ?? 0)
    if learner?.isCommitting == false { writeJournal() }
  }

  /// What is synced now counts. It is read back from the disk when a learner starts, and at the end.
  private func judgeSynced() throws {
    if let records = learner?.committing { try judge(records) }
    learner?.committing = nil
    if !options.keepsJournal { disk.forgetContent(of: JournalFile.name) }
    judged = disk.read(JournalFile.name)?.count ?? 0
  }

  private func postToLearner(_ event: LearnerEvent) {
    guard let life = learner?.life else { return }
    post(.learner(life: life, event), after: 0)
  }

  // MARK: Checkpoints

  func beginCheckpoint(_ step: UInt32) {
    guard let learner else { return }
    let path = "checkpoint-\(step).\(learner.incarnation)"
    workDisk(.checkpoint(.write, step: step, path: path, learner.trained.policy), stageSeconds)
  }

  private var stageSeconds: Double { options.costs.checkpointSeconds / 4 }

  private func checkpoint(_ stage: CheckpointStage, _ step: UInt32, _ path: String, _ policy: SimulatedPolicy) throws {
    let aside = path + ".partial"
    do throws(SimulatedDisk.Failure) {
      switch stage {
      case .write:
        let content = policy.bytes
        disk.remove(aside)
        try disk.append(content + SHA256Digest(of: content).bytes, to: aside)
      case .sync: if options.planted != .renameBeforeSync { try disk.sync(aside) }
      case .rename: disk.rename(aside, to: path)
      case .syncFolder: disk.syncNames()
      }
    } catch {
      disk.remove(aside)
      switch error {
      case .full:
        fire(.diskFull)
        return postToLearner(.checkpointFailed(step: step, reason: "there is no space on the disk"))
      case .inputOutput:
        fire(.syncFailure)
        return postToLearner(.failed("the checkpoint of step \(step): an fsync failed"))
      }
    }
    guard let next = CheckpointStage(rawValue: stage.rawValue + 1) else {
      tell(.process("learner")) { "the checkpoint of step \(step) is on the disk" }
      return try tellLearner(
        .checkpointed(step: step, path: path, policy: policy.manifest.digest), life: learner?.life ?? 0)
    }
    workDisk(.checkpoint(next, step: step, path: path, policy), stageSeconds)
    spring(.checkpoint(stage), within: stageSeconds)
  }
}
