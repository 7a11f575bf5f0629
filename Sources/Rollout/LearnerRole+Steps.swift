/// Which units may be sampled, and which are trained next.
extension LearnerRole {
  /// Enters the units of every step that may be sampled now: the one to be trained next and `staleness` more.
  mutating func openSteps(_ actions: inout [LearnerAction]) {
    let last = min(UInt64(settings.totalSteps), version + 1 + UInt64(settings.admission.staleness))
    var records: [JournalRecord] = []
    while ledger.issued < Int(last) * settings.promptsPerStep {
      let position = ledger.issued
      let step = UInt32(position / settings.promptsPerStep) + 1
      let unit = schedule.unit(at: position)
      guard ledger.issue(unit, step: step) else { break }
      records.append(.issued(position: position, unit: unit, step: step))
    }
    if !records.isEmpty { record(records, &actions) }
  }

  /// A step whose units are all admitted or dead-lettered is trained; if all are dead-lettered, on no group at all.
  mutating func trainIfReady(_ actions: inout [LearnerAction]) {
    guard training == nil else { return }
    let start = Int(version) * settings.promptsPerStep
    let end = start + settings.promptsPerStep
    firstPending = max(firstPending, start)
    while firstPending < min(end, ledger.issued), ledger.entries[firstPending].state.isReady { firstPending += 1 }
    guard firstPending >= end else { return }
    let batch = ledger.entries[start..<end]
    var admitted = batch.filter { $0.state == .admitted }.compactMap { groups[$0.unit] }
    if settings.planted == .trainInArrivalOrder { admitted.sort { $0.lease < $1.lease } }
    training = admitted.map(\.unit)
    actions.append(.train(step: UInt32(version) + 1, groups: admitted))
  }

  mutating func finishStep(
    _ step: TrainedStep, _ manifest: WeightManifest, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    guard let batch = training else { return }
    training = nil
    guard UInt64(step.step) == version + 1, manifest.version == version + 1, step.units == batch else {
      let asked = "step \(version + 1) on \(batch.count) groups"
      let answer = "step \(step.step) on \(step.units.count) as version \(manifest.version)"
      return close(.failed(reason: "the trainer was asked for \(asked) and answered \(answer)"), &actions)
    }
    for unit in batch {
      if ledger.train(unit) { groups.remove(unit) }
    }
    version = manifest.version
    self.manifest = manifest
    shelf.publish(manifest.version, hasDelta: manifest.delta != nil)
    lastProgress = now
    actions.append(.publish(manifest))
    record([.trained(step)], &actions)
    compare(step, at: now, &actions)
    checkpoints.noteAccuracy(step.evaluation?.accuracy, of: step.step)
    let isDue = settings.checkpointEvery > 0 && step.step % settings.checkpointEvery == 0
    let isOverdue = checkpoints.isOverdue && checkpoints.mayTry(at: now)
    if !checkpoints.isMaking, isDue || isOverdue || step.step == settings.totalSteps {
      checkpoint(step: step.step, &actions)
    }
    if phase == .running { openSteps(&actions) }
  }
}

extension UnitState {
  /// Whether a step need not wait for the unit any more. It stays so until the step is trained.
  var isReady: Bool { self == .admitted || self == .deadLettered }
}

extension LearnerRole {
  /// A step that was taken back and is trained again must make the same policy. If it does not (another machine, other
  /// threads), what was sampled from the old one no longer counts.
  private mutating func compare(_ step: TrainedStep, at now: Instant, _ actions: inout [LearnerAction]) {
    guard let earlier = takenBack.removeValue(forKey: step.step), earlier != step.policy else { return }
    takenBack = [:]
    lineEnd = version - 1
    actions.append(
      .log(
        .warning,
        "step \(step.step) made other weights than before the restart; is this another machine, or another number of threads?"
      ))
    // Such a lease may have been answered with any version since, and the group does not say of which line it is.
    for (id, lease) in leases.all where lease.issued == nil {
      endLease(id, lease, reason: "the versions that it was sampled from are gone", isFault: false, at: now, &actions)
    }
  }
}

extension RecoveredLedger {
  /// The newest version that comes out as it did before: all the groups of the steps up to it are kept.
  func lineEnd(promptsPerStep: Int, version: UInt64) -> UInt64 {
    let start = Int(version) * promptsPerStep
    let done = units.dropFirst(start).prefix { $0.state == .admitted || $0.state == .deadLettered }.count
    return min(version + UInt64(done / promptsPerStep), version + UInt64(takenBack.count))
  }

  /// What does not fit together between the ledger, the settings and the policy it is gone on with; nil if all does.
  func contradiction(schedule: Schedule, promptsPerStep: Int, version: UInt64) -> String? {
    var schedule = schedule
    let kept = Set(groups.map(\.unit))
    for (position, unit) in units.enumerated() {
      let planned = (unit: schedule.unit(at: position), step: UInt32(position / promptsPerStep) + 1)
      if (unit.unit, unit.step) != planned {
        return "the run folder holds unit \(unit.unit) of step \(unit.step) where these settings plan unit "
          + "\(planned.unit) of step \(planned.step): go on with the data, seed and batch size it was started with"
      }
      if unit.state == .admitted, !kept.contains(unit.unit) {
        return "the journal holds no group of unit \(unit.unit), which it calls admitted"
      }
      let isPast = UInt64(unit.step) <= version
      if isPast ? unit.state != .trained && unit.state != .deadLettered : unit.state == .trained {
        return "unit \(unit.unit) of step \(unit.step) is \(unit.state.rawValue) and the policy is at step \(version)"
      }
    }
    if UInt64(units.count) < version * UInt64(promptsPerStep) {
      return "the journal holds \(units.count) units and the policy is at step \(version) of \(promptsPerStep) each"
    }
    return nil
  }
}
