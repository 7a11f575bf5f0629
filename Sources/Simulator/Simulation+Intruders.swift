internal import DurableFiles
internal import Rollout
internal import TrustGRPO
internal import Wire

/// Peers that do not keep to the protocol: of another version, hostile though registered, with rights that are not
/// theirs; and what honest-looking messages are spoiled with.
extension Simulation {
  /// A process that plays no role in the run connects and says what it should not.
  func visit(_ kind: FaultKind, _ index: Int) {
    let process = addProcess("visitor-\(index)", .worker, index)
    processes[process].visitor = kind
    processes[process].state = .up
    if kind == .forgedRole { processes[process].scored = addConnection(.scored, client: process, server: 0) }
    for connection in [processes[process].control, processes[process].scored] where connection >= 0 {
      breakConnection(connection, pause: 0.01)
    }
    var random = SimulationRandom(seed: seed, stream: 4, UInt64(index))
    for number in 0..<6 { post(.visit(process: process, number), after: 0.5 + Double(number) * random.uniform(0.2, 1)) }
  }

  func visit(_ process: Int, _ number: Int) {
    guard let kind = processes[process].visitor, !isCalm else { return }
    let control = processes[process].control
    var hello = Hello(role: .worker, host: "elsewhere", processID: 1)
    switch kind {
    case .oldVersion:
      hello.protocolVersion = 1
      send(codec.encode(.hello(hello)), by: control, isForward: true)
    case .forgedRole:
      if number == 0 {
        hello.role = .scorer
        hello.endpoint = "tcp://\(process):1"
        send(codec.encode(.hello(hello)), by: control, isForward: true)
      } else if let group = forgedGroup() {
        fire(.forgedRole)
        send(codec.encode(group), by: processes[process].scored, isForward: true)
      }
    case .foreignGroup:
      if number == 0 { return send(codec.encode(.hello(hello)), by: control, isForward: true) }
      let scorers = processes.indices.filter { processes[$0].role == .scorer && processes[$0].isUp }
      guard let group = foreignGroup(), let scorer = scorers.first(where: { $0 % scorers.count == number % scorers.count }) else { return }
      fire(.foreignGroup)
      let address = ScorerAddress(name: "", endpoint: "tcp://\(scorer):\(processes[scorer].life + 1)", publicKey: "")
      push(group, to: address, from: process)
    default:
      if number == 0 { return send(codec.encode(.hello(hello)), by: control, isForward: true) }
      fire(.hostileMessage)
      send(hostile(process, number), by: control, isForward: true)
    }
  }

  func arriveAtVisitor(_ frame: Frame, _ process: Int) {
    guard case .refused = try? codec.learnerMessage(frame), processes[process].visitor == .oldVersion else { return }
    fire(.oldVersion)
  }

  func noteVisit(_ process: Int, _ message: PeerMessage) {
    tell(.run) { "\(processes[process].name) (\(processes[process].visitor?.rawValue ?? "")) says \(message)" }
  }

  /// A decoder has refused what came from, or to, this process.
  func noteRefused(by process: Int) {
    if !isCalm { fire(.corruptMessage) }
  }

  /// A lease that is out.
  private var openLease: (row: LedgerJudge.Row, lease: RecoveredLedger.Lease)? {
    guard let row = judge.rows.first(where: { $0.state == .leased || $0.state == .generated }), let lease = row.leases.first else {
      return nil
    }
    return (row, lease)
  }

  /// A group for it that somebody else has made up, with the right task.
  private func foreignGroup() -> ResponseGroup? {
    guard let (row, open) = openLease else { return nil }
    let lease = Lease(
      id: open.id, unit: row.unit, attempt: open.attempt, version: open.version, step: row.step,
      task: SimulatedSampling.task(row.unit.prompt))
    return ResponseGroup(
      lease: lease, responses: sampling.responses(to: UnitID(epoch: 9999, prompt: row.unit.prompt), with: [1]), seconds: 1)
  }

  /// The same, scored, as a worker would never send it: straight to the learner.
  private func forgedGroup() -> ScoredGroup? {
    guard let (row, lease) = openLease else { return nil }
    let responses = sampling.responses(to: UnitID(epoch: 9999, prompt: row.unit.prompt), with: [1])
    let outcomes = responses.map { _ in 1.0 }
    guard
      let rewards = try? GroupRewards.compute(
        outcomes: outcomes, thinking: outcomes.map { $0 }, step: Int(row.step) - 1, settings: options.trustGRPO)
    else { return nil }
    return ScoredGroup(
      lease: lease.id, unit: row.unit, attempt: lease.attempt, version: lease.version, step: row.step,
      taskDigest: taskDigest(of: row.unit.prompt), responses: responses, outcomes: outcomes, thinking: outcomes.map { $0 },
      rewards: rewards, generationSeconds: 1, scoringSeconds: 1, worker: lease.worker)
  }

  private func hostile(_ process: Int, _ number: Int) -> Frame {
    let others = judge.rows.flatMap(\.leases).map(\.id)
    let lease = others.isEmpty ? LeaseID(incarnation: .max, number: .max) : others[processes[process].random.below(others.count)]
    switch processes[process].random.below(8) {
    case 0: return Frame((0..<64).map { _ in UInt8(truncatingIfNeeded: processes[process].random.next()) })
    case 1: return codec.encode(.generated(lease))
    case 2: return codec.encode(.declined(lease, reason: "\u{202e}\u{0} not yours"))
    case 3: return codec.encode(.fetch(Fetch(source: .weights(version: .max), offset: .max >> 8, count: 1 << 20)))
    case 4: return codec.encode(.heartbeat(Heartbeat(incarnation: judge.incarnation, version: .max, credit: 0, held: others + [lease])))
    case 5: return Frame([UInt8](repeating: 0x0b, count: 4096))
    case 6: return codec.encode(.fetch(Fetch(source: .artifact(SHA256Digest(of: [])), offset: 0, count: 1)))
    default: return codec.encode(.bye(reason: String(repeating: "x", count: 5000)))
    }
  }

  // MARK: Spoiled messages

  func mutate(_ bytes: inout [UInt8], _ random: inout SimulationRandom) {
    guard !bytes.isEmpty else { return }
    switch random.below(4) {
    case 0: bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8))
    case 1: bytes.removeLast(random.below(bytes.count))
    case 2: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: random.below(bytes.count))
    default: bytes[random.below(bytes.count)] = 0xff
    }
  }

  func isUnreadable(_ letter: Letter, by plane: Plane, _ isForward: Bool) -> Bool {
    do {
      switch (plane, isForward) {
      case (.control, true): _ = try codec.peerMessage(letter.frame)
      case (.control, false): _ = try codec.learnerMessage(letter.frame)
      case (.broadcast, _): _ = try codec.publication(letter.frame)
      case (.groups, _): _ = try codec.responseGroup(letter.frame)
      case (.scored, _): _ = try codec.scoredGroup(letter.frame, settings: options.trustGRPO)
      }
      return false
    } catch {
      return true
    }
  }

  /// What a scorer that does not work as it should makes of a group.
  func spoiled(_ group: ScoredGroup, by process: Int) -> ScoredGroup {
    guard let chance = spoiling[process], processes[process].random.chance(chance) else { return group }
    var spoiled = group
    fire(.badGroup)
    switch processes[process].random.below(10) {
    case 0: spoiled.responses[0].logProbabilities[0] = .nan
    case 1: spoiled.responses[0].logProbabilities[0] = 0.5
    case 2: spoiled.responses[0].tokens = []
    case 3: spoiled.responses.removeLast()
    case 4: spoiled.responses.append(spoiled.responses[0])
    case 5: spoiled.responses[0].tokens[0] = Int32(SimulatedSampling.vocabulary)
    case 6: spoiled.version = group.version + 1000
    case 7: spoiled.attempt += 1
    case 8: spoiled.taskDigest = SHA256Digest(of: [])
    default:
      spoiled.responses[0].tokens = Array(repeating: 1, count: SimulatedSampling.maximumTokens + 1)
      spoiled.responses[0].logProbabilities = spoiled.responses[0].tokens.map { _ in -1 }
    }
    return spoiled
  }
}
