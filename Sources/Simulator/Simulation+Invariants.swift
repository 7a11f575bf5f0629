internal import DurableFiles
internal import Limits
internal import Rollout

/// What must hold, whatever happens. It is judged as it becomes durable, and as it is done.
extension Simulation {
  // MARK: Durable state

  /// Takes what the journal holds now: by the judge's own rules (S1, S2, S4, S7), and group by group.
  func judge(_ entries: [JournalFile.Entry]) throws {
    for entry in entries {
      switch entry {
      case .rollBack(let step):
        takeBackLine(to: step)
        _ = judge.rollBack(to: step)
      case .commit(let records): try judge(records)
      }
    }
  }

  func judge(_ records: [JournalRecord]) throws {
    for record in records {
      if case .admitted(let group, let worker, let scorer) = record { try check(group, of: worker, from: scorer) }
      try judge.take(record)
      if case .trained(let step) = record { try replay(step) }
      note(record)
    }
  }

  private func note(_ record: JournalRecord) {
    switch record {
    case .admitted(let group, _, _):
      lastProgress = now
      admittedUnits[group.lease] = group.unit
      if group.lease.incarnation < judge.incarnation { tally.handedIn += 1 }
      tell(.unit(group.unit)) { "unit \(group.unit) is admitted and durable, under lease \(group.lease)" }
    case .leased(let unit, _, _, _, _): if judge.row(of: unit)?.leases.count == 2 { tally.hedges += 1 }
    case .leaseEnded(let unit, let lease, let reason): tell(.unit(unit)) { "lease \(lease) of unit \(unit) ends: \(reason)" }
    case .deadLettered(let unit, let reason): tell(.unit(unit)) { "unit \(unit) is dead-lettered: \(reason)" }
    case .trained(let step):
      lastProgress = now
      if !options.keepsJournal { forgetLeases(of: step) }
      for unit in step.units { tell(.unit(unit)) { "unit \(unit) is trained in step \(step.step)" } }
    case .incarnation, .issued, .generated, .checkpointed, .retired: break
    }
  }

  /// Nobody asks any more for leases whose groups were trained some steps ago.
  private func forgetLeases(of step: TrainedStep) {
    trainedLeases.append(step.units.compactMap { judge.row(of: $0)?.group?.lease })
    guard trainedLeases.count > 8 else { return }
    for lease in trainedLeases.removeFirst() { admittedUnits[lease] = nil }
  }

  /// S7, S8, S9, S13: an admitted group is what the lease's holder samples, honestly, and an honest scorer grades.
  private func check(_ group: ScoredGroup, of worker: String, from scorer: String) throws {
    guard scorer.hasPrefix("scorer-") else { throw Violation("S13", "\(scorer) is no scorer, and its group of unit \(group.unit) was admitted") }
    guard group.worker == worker else {
      throw Violation("S7", "lease \(group.lease) is \(worker)'s, and the admitted group for it came from \(group.worker)")
    }
    guard group.responses.count == options.groupSize, group.outcomes.count == options.groupSize,
      group.thinking.count == options.groupSize
    else { throw Violation("S8", "the admitted group of unit \(group.unit) has not \(options.groupSize) members throughout") }
    for (member, response) in group.responses.enumerated() {
      let isSound =
        !response.tokens.isEmpty && response.tokens.count == response.logProbabilities.count
        && response.logProbabilities.allSatisfy { $0.isFinite && $0 <= 0 }
        && response.tokens.allSatisfy { 0 <= $0 && $0 < SimulatedSampling.vocabulary }
        && group.outcomes[member] == SimulatedSampling.outcome(of: response)
        && group.thinking[member].map { $0 >= 0 && $0 <= 1 } ?? true
      guard isSound else { throw Violation("S9", "member \(member) of the admitted group of unit \(group.unit) is not valid") }
    }
    guard group.taskDigest == taskDigest(of: group.unit.prompt) else {
      throw Violation("S9", "the admitted group of unit \(group.unit) was graded against another task")
    }
    // A version that was taken back counts as it was until it is made again.
    let versions = line[group.version].map { [$0] } ?? formerLines[group.version] ?? []
    guard versions.contains(where: { sampling.gives(group.responses, to: group.unit, with: $0) }) else {
      throw Violation("S6", "unit \(group.unit) was admitted and not sampled from the version \(group.version) that it names")
    }
  }

  /// S6 and S12: what was trained was sampled from the version that it names, which is fresh enough, and training it
  /// gives the weights that the journal says.
  private func replay(_ step: TrainedStep) throws {
    let version = UInt64(step.step)
    guard let before = line[version - 1], var policy = SimulatedPolicy(version: version - 1, bytes: before) else {
      throw Violation("S12", "step \(step.step) was trained on a version that is not in the journal's line")
    }
    var batch: [(UnitID, [Response])] = []
    for unit in step.units {
      guard let group = judge.row(of: unit)?.group else { throw Violation("S2", "unit \(unit) was trained without a group") }
      guard group.version <= version - 1, version - 1 - group.version <= UInt64(options.staleness) else {
        throw Violation("S6", "unit \(unit) of version \(group.version) was trained in step \(step.step)")
      }
      // Another machine makes other weights. What was admitted before is trained still, by its behaviour log-probabilities.
      guard machine > 0 || line[group.version].map({ sampling.gives(group.responses, to: unit, with: $0) }) ?? false else {
        throw Violation("S6", "unit \(unit) was not sampled from the version \(group.version) that the journal's line has")
      }
      batch.append((unit, group.responses))
    }
    policy.train(batch, on: step.metrics.first.map { Int($0.value) } ?? 0)
    guard policy.manifest.digest == step.policy else {
      throw Violation("S12", "training step \(step.step) again from the journal gives other weights")
    }
    line[version] = policy.bytes
  }

  /// The steps after `step` are taken back.
  func takeBackLine(to step: UInt32) {
    for (version, weights) in line where version > step {
      formerLines[version, default: []].append(weights)
      line[version] = nil
    }
  }

  // MARK: What the learner says and does

  /// S4: no two lives of the learner speak as the same incarnation, or a lease of one could be taken for the other's.
  func noteSpoken(_ incarnation: UInt32) throws {
    // A lease that an earlier incarnation issued is sent again under its own number.
    guard let learner, incarnation == learner.incarnation else { return }
    guard speakers[incarnation, default: learner.life] == learner.life else {
      throw Violation("S4", "two lives of the learner spoke as incarnation \(incarnation)")
    }
    speakers[incarnation] = learner.life
  }

  /// S3: what is acknowledged is durable.
  func noteAcknowledged(_ leases: [LeaseID]) throws {
    for lease in leases {
      guard let unit = admittedUnits[lease], let state = judge.state(of: unit), state == .admitted || state == .trained else {
        throw Violation("S3", "lease \(lease) was acknowledged before its group was durable")
      }
      if options.keepsJournal { acknowledged[unit] = lease }
    }
  }

  /// S3, after the power was lost: what was acknowledged is there still.
  func checkAcknowledged() throws {
    for (unit, lease) in acknowledged.sorted(by: { $0.value < $1.value }) {
      guard let row = judge.row(of: unit), row.state == .admitted || row.state == .trained || row.step <= judge.forgottenThrough else {
        throw Violation("S3", "unit \(unit) was acknowledged under lease \(lease), and its group is gone")
      }
    }
  }

  /// S6, S12: what is trained is of its step, in the schedule's order, durable and fresh enough.
  func checkBatch(_ step: UInt32, _ groups: [ScoredGroup]) throws {
    for group in groups {
      guard group.step == step, group.version < UInt64(step), UInt64(step) - 1 - group.version <= UInt64(options.staleness) else {
        throw Violation("S6", "step \(step) is trained on unit \(group.unit) of step \(group.step), version \(group.version)")
      }
      guard let row = judge.row(of: group.unit), row.state == .admitted, row.group?.lease == group.lease else {
        throw Violation("S3", "step \(step) is trained on unit \(group.unit), whose group is not durable")
      }
    }
  }

  /// S5: what an engine loads is what the manifest says, and the version of the line that bears its number.
  func checkLoaded(_ manifest: WeightManifest, _ bytes: [UInt8], by process: Int) throws {
    if let known = assembled[manifest.version], known.manifest.digest == manifest.digest, known.bytes == bytes { return }
    guard bytes.count == manifest.byteCount, bytes.withUnsafeBytes({ manifest.firstMismatch(in: $0) }) == nil else {
      throw Violation("S5", "\(processes[process].name) loads other bytes than the manifest of version \(manifest.version) names")
    }
  }

  /// S1, and S10 of a worker from whom a word has come.
  func checkLearner(after worker: PeerID?) throws {
    guard let learner else { return }
    let look = learner.role.look(at: worker)
    guard look.isConserved else { throw Violation("S1", "the ledger's states do not sum to what was issued") }
    guard look.issued >= judge.issued || learner.incarnation != judge.incarnation else {
      throw Violation("S1", "the ledger holds fewer units than were issued")
    }
    newestVersion = max(newestVersion, look.version)
    // What was opened before a restart from an older checkpoint stays open.
    let open = Int(newestVersion) + 1 + options.staleness
    guard look.issued <= open * options.promptsPerStep else {
      throw Violation("S10", "\(look.issued) units were issued at version \(look.version)")
    }
    guard let worker else { return }
    guard look.lent == look.generating else {
      throw Violation("S10", "\(worker) is generating \(look.generating) leases and is charged with \(look.lent)")
    }
    guard look.lent <= Limits.standard.messages.credit else { throw Violation("S10", "\(worker) holds \(look.lent) leases") }
  }

  /// S11: of the checkpoints that the journal names, the newest that no fault has damaged is whole.
  func checkCheckpoints() throws {
    for record in judge.checkpoints where !damaged.contains(record.path) {
      guard disk.read(record.path) != nil else { throw Violation("S11", "the journal names \(record.path), which is not there") }
    }
  }

  /// S15: a run that ends with success has trained or dead-lettered all its work, and the journal says so.
  func checkFinish(_ how: RunEnd) throws {
    guard how == .completed else { return }
    guard judge.steps.count == Int(options.steps), judge.trained + judge.deadLettered == Int(options.steps) * options.promptsPerStep,
      judge.issued == judge.trained + judge.deadLettered
    else {
      throw Violation("S15", "the run ended with \(judge.steps.count) steps and \(judge.trained) of \(judge.issued) units trained and durable")
    }
  }

  /// S12: a synchronous run ends with the policy that the plain loop ends with, whatever happened.
  func checkEnd() throws {
    guard end == .completed else { throw Violation("L1", "the run did not end: \(standing)") }
    // Reading everything back costs as much as a fourth of a run: some seeds do.
    if seed % 8 == 0 { try checkDisk() }
    let given = judge.rows.filter { $0.state == .deadLettered }
    for row in given where row.attempts < options.maximumAttempts {
      throw Violation("L5", "unit \(row.unit) was dead-lettered after \(row.attempts) attempts")
    }
    if options.staleness == 0, machine == 0 {
      let policies = ReferenceRun(options: options, seed: seed).policies(without: Set(given.map(\.unit)))
      guard policies.last?.manifest.digest == judge.steps.last?.policy else {
        throw Violation("S12", "the run ended with another policy than a run in which nothing goes wrong")
      }
    }
  }

  /// What the journal's bytes say is what was judged.
  private func checkDisk() throws {
    guard options.keepsJournal else { return }
    var fromDisk = LedgerJudge()
    for entry in try journalFile.read(disk.read(JournalFile.name) ?? [], from: 0).entries {
      switch entry {
      case .commit(let records): for record in records { try fromDisk.take(record) }
      case .rollBack(let step): _ = fromDisk.rollBack(to: step)
      }
    }
    guard fromDisk.steps.map(\.policy) == judge.steps.map(\.policy), fromDisk.rows.map(\.state) == judge.rows.map(\.state) else {
      throw Violation("S3", "the journal on the disk is not the one that was written")
    }
  }
}
