internal import Rollout
internal import Synchronization

/// How long the workers of a process wait for the learner, seen from where it matters: each worker's own events.
///
/// - lease: from the moment that a worker is done with a group, says so and has room for another (the event in which it pushes
///   the group and sends `generated`), until it has the next lease in hand. A worker with credit for several matches the first
///   room with the first lease.
/// - acknowledgement: from the moment that a worker pushes a group to a scorer for the first time, until it has the learner's
///   word that the group is durable. In between lie the scorer, the learner, and a commit of the journal with its fsync.
final class WorkerLatencies: Sendable {
  /// What came of it, for the process's report.
  struct Record: Sendable, Codable {
    /// When each wait ended, on the machine's clock, and how long it was, seconds.
    var leases = Waits()
    var acknowledgements = Waits()
    /// Numbers of the leases whose groups are durable.
    var durable: [UInt64] = []
    /// Groups that were pushed and that the learner has said nothing of.
    var unanswered = 0
    /// Groups that were not wanted when they were done: another worker's was faster.
    var revoked = 0
  }

  struct Waits: Sendable, Codable {
    var ended: [Double] = []
    var seconds: [Double] = []

    mutating func add(_ start: Double, _ end: Double) {
      ended.append(end)
      seconds.append(end - start)
    }

    mutating func add(_ other: Waits) {
      ended += other.ended
      seconds += other.seconds
    }

    /// Those that ended between two moments, shortest first.
    func sorted(from start: Double, to end: Double) -> [Double] {
      zip(ended, seconds).filter { $0.0 >= start && $0.0 < end }.map(\.1).sorted()
    }
  }

  private struct State {
    var record = Record()
    /// Since when there has been room, for each lease that is to come.
    var room = Times()
    var pushed: [LeaseID: Double] = [:]
    /// A lease that seems to be lost is sent again, and counts once.
    var newest: LeaseID?
  }

  private let state = Mutex(State())

  /// What `WorkerService` tells of.
  func note(_ event: WorkerEvent) {
    switch event {
    case .generated(let group):
      let now = monotonicSeconds()
      state.withLock { state in
        state.room.append(now)
        state.pushed[group.lease.id] = now
      }
    case .message(.lease(let lease)):
      let now = monotonicSeconds()
      state.withLock { state in
        guard state.newest.map({ $0 < lease.id }) ?? true else { return }
        state.newest = lease.id
        if let since = state.room.popFirst() { state.record.leases.add(since, now) }
      }
    case .message(.durable(let leases)):
      let now = monotonicSeconds()
      state.withLock { state in
        for lease in leases {
          guard let since = state.pushed.removeValue(forKey: lease) else { continue }
          state.record.acknowledgements.add(since, now)
          state.record.durable.append(lease.number)
        }
      }
    case .message(.revoked(let leases)):
      state.withLock { state in
        for lease in leases where state.pushed.removeValue(forKey: lease) != nil { state.record.revoked += 1 }
      }
    default: break
    }
  }

  var record: Record {
    state.withLock { state in
      var record = state.record
      record.unanswered = state.pushed.count
      return record
    }
  }
}

private struct Times {
  private var times: [Double] = []
  private var head = 0

  mutating func append(_ time: Double) { times.append(time) }

  mutating func popFirst() -> Double? {
    guard head < times.count else { return nil }
    defer { head += 1 }
    return times[head]
  }
}
