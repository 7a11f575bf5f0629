/// A group that a reward service's client has taken and not ended.
struct GroupInJudgement: Sendable {
  enum Progress: Sendable {
    /// To be asked for, not before the given moment.
    case waiting(until: Instant)
    case asked
    case settled(Verdict)
  }

  struct Member: Sendable {
    var progress: Progress
    /// Requests that counted.
    var attempts = 0
    /// Times it was asked for to find out whether the service is back.
    var probes = 0
    var backoff: Backoff
  }

  let key: LeaseID
  let taken: Instant
  let deadline: Instant
  var members: [Member]
  var retries = 0
  /// Members that wait; spares a look at each of them.
  private(set) var waiting: Int
  private var unsettled: Int

  init(_ call: GroupCall, settings: RewardServiceSettings, seed: UInt64, now: Instant) {
    key = call.key
    taken = now
    deadline = now + settings.groupDeadline
    members = (0..<call.members).map { member in
      let random = CounterRandom(
        seed: seed, epoch: call.key.incarnation, prompt: UInt32(truncatingIfNeeded: call.key.number), sample: UInt32(member))
      return Member(
        progress: .waiting(until: now),
        backoff: Backoff(first: settings.firstBackoff, ceiling: settings.longestBackoff, seed: random.bits(at: 0)))
    }
    waiting = call.members
    unsettled = call.members
  }

  /// One verdict a member, once there are no more to come.
  var verdicts: [Verdict]? {
    guard unsettled == 0 else { return nil }
    return members.compactMap { if case .settled(let verdict) = $0.progress { verdict } else { nil } }
  }

  /// The first moment at which the member may be asked for; `nil` if it does not wait.
  func readyAt(_ member: Int) -> Instant? {
    if case .waiting(let until) = members[member].progress { until } else { nil }
  }

  mutating func ask(_ member: Int) {
    members[member].progress = .asked
    waiting -= 1
  }

  mutating func wait(_ member: Int, until: Instant) {
    members[member].progress = .waiting(until: until)
    waiting += 1
  }

  mutating func settle(_ member: Int, _ verdict: Verdict) {
    members[member].progress = .settled(verdict)
    unsettled -= 1
  }
}
