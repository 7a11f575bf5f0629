import TrustGRPO

@testable import Rollout

/// A learner with a clock that the test turns, and a record of all that it wanted done.
struct LearnerBench {
  var role: LearnerRole
  var now = Instant(nanoseconds: 1_000_000_000)
  /// Whether records are durable as soon as they are written.
  var isDiskPrompt = true
  private(set) var actions: [LearnerAction] = []
  private var lastTicket = 0

  init(
    _ settings: LearnerSettings = .sample(), rows: Int = 100, recovered: RecoveredLedger = .new, version: UInt64 = 0
  ) {
    role = LearnerRole(
      settings: settings, schedule: Schedule(rows: rows, seed: 1, shuffled: false), recovered: recovered,
      manifest: .sample(version), now: now)
    note(role.start(at: now))
  }

  // Swift 6.3.1 inlines this where the result is not used, and then frees elements of it that it never made.
  @inline(never) @discardableResult
  mutating func receive(_ event: LearnerEvent) -> [LearnerAction] {
    let from = actions.count
    note(role.receive(event, at: now))
    return Array(actions[from...])
  }

  private mutating func note(_ new: [LearnerAction]) {
    actions += new
    for case .journal(_, let ticket) in new { lastTicket = ticket }
    if isDiskPrompt, new.contains(where: { if case .journal = $0 { true } else { false } }) {
      receive(.journaled(through: lastTicket))
    }
  }

  // MARK: What peers do

  @discardableResult
  mutating func say(_ message: PeerMessage, _ peer: PeerID = .worker, role: Role = .worker) -> [LearnerAction] {
    receive(.message(peer, role: role, message))
  }

  @discardableResult
  mutating func beat(_ peer: PeerID = .worker, credit: Int = 2, held: [LeaseID] = []) -> [LearnerAction] {
    say(.heartbeat(Heartbeat(incarnation: role.incarnation, version: role.version, credit: credit, held: held)), peer)
  }

  /// A scorer and a worker join; the worker takes as many leases as it has credit.
  mutating func join(_ peer: PeerID = .worker, credit: Int = 2) {
    say(.hello(.sample(.scorer, endpoint: "tcp://s1:1")), .scorer, role: .scorer)
    say(.hello(.sample(.worker)), peer)
    beat(peer, credit: credit)
  }

  @discardableResult
  mutating func deliver(
    _ lease: Issued, change: (inout ScoredGroup) -> Void = { _ in }, taskMatches: Bool = true, role: Role = .scorer
  ) -> [LearnerAction] {
    var group = ScoredGroup.sample(
      lease: lease.id, unit: lease.unit, attempt: lease.attempt, step: lease.step, version: lease.version)
    group.worker = lease.worker.name
    change(&group)
    return receive(.scored(.scorer, role: role, group, taskMatches: taskMatches))
  }

  @discardableResult
  mutating func train() -> [LearnerAction] {
    let (step, groups) = trainings.last ?? (0, [])
    return receive(
      .trained(
        TrainedStep(step: step, units: groups.map(\.unit), metrics: [], policy: WeightManifest.sample(UInt64(step)).digest),
        .sample(UInt64(step))))
  }

  @discardableResult
  mutating func finishCheckpoint() -> [LearnerAction] {
    let step = checkpoints.last ?? 0
    return receive(
      .checkpointed(step: step, path: "checkpoints/\(step)", policy: WeightManifest.sample(UInt64(step)).digest))
  }

  @discardableResult
  mutating func wait(_ duration: Duration) -> [LearnerAction] {
    now = now + duration
    return receive(.tick)
  }

  // MARK: What the learner has done

  typealias Issued = (worker: PeerID, id: LeaseID, unit: UnitID, attempt: UInt32, version: UInt64, step: UInt32)

  var issued: [Issued] { actions.issued }

  var trainings: [(step: UInt32, groups: [ScoredGroup])] {
    actions.compactMap { if case .train(let step, let groups) = $0 { (step, groups) } else { nil } }
  }

  var checkpoints: [UInt32] { actions.compactMap { if case .checkpoint(let step) = $0 { step } else { nil } } }

  var end: RunEnd? {
    actions.compactMap { if case .finish(let end) = $0 { end } else { nil } }.first
  }

  var records: [JournalRecord] {
    actions.flatMap { (action: LearnerAction) -> [JournalRecord] in
      if case .journal(let records, _) = action { records } else { [] }
    }
  }
}

extension [LearnerAction] {
  var issued: [LearnerBench.Issued] {
    compactMap {
      if case .lease(let worker, let id, let unit, let attempt, let version, let step) = $0 {
        (worker, id, unit, attempt, version, step)
      } else {
        nil
      }
    }
  }

  func sent(to peer: PeerID) -> [LearnerMessage] {
    compactMap { if case .send(peer, let message) = $0 { message } else { nil } }
  }

  func logged(_ text: String) -> Bool {
    contains { if case .log(_, let line) = $0 { line.contains(text) } else { false } }
  }

  func welcomes(_ peer: PeerID) -> Bool {
    contains { if case .welcome(peer, _, _) = $0 { true } else { false } }
  }

  var finish: RunEnd? { compactMap { if case .finish(let end) = $0 { end } else { nil } }.first }
}
