/// What a reward service's client has seen since its start, for metrics. Each only grows.
package struct RewardServiceCounters: Sendable, Hashable {
  package struct Missing: Sendable, Hashable {
    package var unreadable = 0
    package var notFinite = 0
    package var outOfRange = 0
    package var refused = 0
    package var withoutService = 0

    package var total: Int { unreadable + notFinite + outOfRange + refused + withoutService }

    mutating func count(_ reason: MissingScore) {
      switch reason {
      case .unreadable: unreadable += 1
      case .notFinite: notFinite += 1
      case .outOfRange: outOfRange += 1
      case .refused: refused += 1
      case .withoutService: withoutService += 1
      }
    }
  }

  /// Requests, retries and probes included.
  package var sent = 0
  package var retried = 0
  /// Requests that asked whether a service that was down is back.
  package var probes = 0
  /// Answers that arrived whole, readable or not.
  package var answered = 0
  package var rateLimited = 0
  package var timedOut = 0
  package var unreachable = 0
  /// Refusals by a service in trouble: HTTP 408, 5xx.
  package var serverErrors = 0
  /// Times that the service was found to be down; probes that failed do not count again.
  package var breakerOpenings = 0
  /// Answers to requests that had been settled or given up.
  package var ignored = 0
  /// Members without a score, in groups that were judged.
  package var missing = Missing()
  package var groupsJudged = 0
  /// Groups among the judged ones that went on with outcome rewards alone.
  package var groupsOutcomeOnly = 0
  package var groupsDeclined = 0
  package var groupsCancelled = 0

  package init() {}
}
