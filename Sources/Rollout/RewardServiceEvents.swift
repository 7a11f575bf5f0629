/// A group whose thinking is to be judged.
package struct GroupCall: Sendable, Hashable {
  package let key: LeaseID
  /// How many members are to be judged; whoever calls knows which.
  package let members: Int

  package init(key: LeaseID, members: Int) {
    precondition(members >= 0)
    self.key = key
    self.members = members
  }
}

/// One request to the service. Its number is never used twice, so an answer belongs to exactly one attempt.
package struct ServiceRequest: Sendable, Hashable {
  package let number: UInt64
  package let group: LeaseID
  /// Index among the members of the call.
  package let member: Int
  /// When it is given up, whatever has arrived by then.
  package let deadline: Instant
}

package enum RewardServiceEvent: Sendable, Hashable {
  case judge(GroupCall)
  /// The group is no longer wanted: its lease is gone.
  case cancel(LeaseID)
  /// An answer arrived whole.
  ///
  /// - Parameter score: what the text states, or `nil` where nothing could be read.
  case answered(request: UInt64, score: Double?)
  /// HTTP said no.
  ///
  /// - Parameter retryAfter: the header of that name, if it could be read; a date is turned into a duration by the client.
  case refused(request: UInt64, status: Int, retryAfter: Duration?)
  /// Connection refused or reset, host not found, an answer that broke off.
  case unreachable(request: UInt64, reason: String)
  /// A time-out of the client's own, for connecting say; the deadline of a request needs no such event.
  case timedOut(request: UInt64)
  case tick
}

package enum RewardServiceAction: Sendable, Hashable {
  case send(ServiceRequest)
  /// Close the connection of a request; what it still brings is ignored.
  case abandon(request: UInt64)
  case judged(JudgedGroup)
  /// The group is not judged; its lease runs out or is declined.
  case declined(LeaseID, reason: String)
  case log(LogLevel, String)
  /// End the process. Every group has been declined before.
  case stop(reason: String)
}

/// The end of a group that was judged, in whole or in part.
package struct JudgedGroup: Sendable, Hashable {
  package let key: LeaseID
  /// One a member, in the order of the call.
  package let verdicts: [Verdict]

  /// Thinking scores in [0, 1], one a member; `nil` where missing.
  package var scores: [Double?] { verdicts.map(\.score) }
}

/// What became of one member.
package enum Verdict: Sendable, Hashable {
  /// Finite, in [0, 1].
  case score(Double)
  case missing(MissingScore)

  /// Nothing is clamped: a model that says 1.7 has not understood the scale.
  init(_ score: Double?) {
    guard let score else { self = .missing(.unreadable); return }
    if !score.isFinite { self = .missing(.notFinite) }
    else if score < 0 || score > 1 { self = .missing(.outOfRange) }
    else { self = .score(score) }
  }

  package var score: Double? {
    if case .score(let score) = self { score } else { nil }
  }
}

/// Why a member has no score.
package enum MissingScore: Sendable, Hashable, CustomStringConvertible {
  case unreadable
  case notFinite
  case outOfRange
  /// The service takes requests, but not this one.
  case refused(status: Int)
  /// The group went on without the service.
  case withoutService

  package var description: String {
    switch self {
    case .unreadable: "unreadable"
    case .notFinite: "not finite"
    case .outOfRange: "out of [0, 1]"
    case .refused(let status): "refused with HTTP \(status)"
    case .withoutService: "without the service"
    }
  }
}
