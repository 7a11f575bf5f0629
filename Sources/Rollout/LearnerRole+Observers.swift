/// What observers are shown. They take no part: nothing that they say changes anything.
extension LearnerRole {
  mutating func show(_ message: PeerMessage, to peer: PeerID, at now: Instant, _ actions: inout [LearnerAction]) {
    guard case .look(let look, let version) = message else {
      return actions.append(.send(peer, .refused(reason: "the key of \(peer) may look at the run and nothing else")))
    }
    guard version == protocolVersion else {
      let reason = "protocol version \(version) where this learner speaks \(protocolVersion): use the same build"
      return actions.append(.send(peer, .refused(reason: reason)))
    }
    switch look {
    case .cluster: actions.append(.show(peer, snapshot(at: now)))
    case .unit(let unit):
      let entry = ledger.entry(of: unit)
      actions.append(.tell(peer, unit, state: entry?.state, step: entry?.step ?? 0))
    }
  }

  /// Made at most ten times a second, however many ask.
  private mutating func snapshot(at now: Instant) -> ClusterSnapshot {
    if let last = meter.snapshot, now - last.at < .milliseconds(100) { return last.snapshot }
    let snapshot = ClusterSnapshot(
      run: "", incarnation: incarnation, host: "", processID: 0, uptime: (now - meter.startedAt).inSeconds,
      step: UInt32(version), totalSteps: settings.totalSteps, isTraining: training != nil, activity: activity,
      promptsPerStep: settings.promptsPerStep, ready: readyUnits, idleShare: meter.idleShare.value ?? 1,
      groupsPerSecond: meter.groupRate.value ?? 0, tokensPerSecond: meter.tokenRate.value ?? 0,
      units: UnitState.allCases.map { ledger.count($0) }, refusals: refusals, duplicates: duplicates,
      staleness: UInt32(settings.admission.staleness), peers: membership.observed(at: now))
    meter.snapshot = (now, snapshot)
    return snapshot
  }

  /// Ready once it speaks, and as long as the journal takes records: a learner that admits nothing keeps nobody busy.
  package var condition: RoleCondition {
    RoleCondition(
      isReady: isEstablished && !isJournalPaused && phase == .running, isJoined: isEstablished,
      text: "step \(version) of \(settings.totalSteps), \(membership.count) peers: \(activity)")
  }

  private var activity: String {
    switch phase {
    case .running where training != nil: "trains step \(version + 1)"
    case .running: "waits \(waitedFor)"
    case .closing(let end): "\(end.farewell): waits \(waitedFor)"
    case .farewell(let end, _): "\(end.farewell): waits for peers to say goodbye"
    case .finished: "has ended"
    }
  }

  /// Of the step that is trained next, or being trained.
  private var readyUnits: Int {
    let start = min(Int(version) * settings.promptsPerStep, ledger.issued)
    return ledger.entries[start..<min(start + settings.promptsPerStep, ledger.issued)].count { $0.state.isReady }
  }
}

/// How busy the learner is and what comes in.
struct LearnerMeter: Sendable {
  private static let interval = Duration.seconds(1)

  let startedAt: Instant
  private(set) var idleShare = RecentMean()
  private(set) var groupRate = RecentMean()
  private(set) var tokenRate = RecentMean()
  var snapshot: (at: Instant, snapshot: ClusterSnapshot)?
  private var training: BusyTime
  private var groups = 0
  private var tokens = 0
  private var sampledAt: Instant

  init(at now: Instant) {
    startedAt = now
    sampledAt = now
    training = BusyTime(at: now)
  }

  mutating func noteGroup(tokens: Int) {
    groups += 1
    self.tokens += tokens
  }

  mutating func note(isTraining: Bool, at now: Instant) {
    training.note(isTraining, at: now)
    let passed = now - sampledAt
    guard passed >= Self.interval else { return }
    idleShare.add(1 - Double(training.take(at: now)), over: passed)
    groupRate.add(Double(groups) / passed.inSeconds, over: passed)
    tokenRate.add(Double(tokens) / passed.inSeconds, over: passed)
    (groups, tokens, sampledAt) = (0, 0, now)
  }
}
