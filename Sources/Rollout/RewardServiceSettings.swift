/// How a scorer asks a served thinking-reward model, and what it does when the model does not answer.
package struct RewardServiceSettings: Sendable, Hashable {
  /// What becomes of groups once the service has been down for longer than `waitBudget`.
  package enum WhenDown: String, Sendable, Hashable, CaseIterable {
    /// Each group waits for `waitBudget` and is then declined; its lease runs out and is issued again.
    case decline
    /// The group goes on with outcome rewards alone: all its scores are missing, and that is recorded.
    case outcomeOnly = "outcome-only"
    /// The process ends with the reason.
    case stop
  }

  /// Requests under way at once, over all groups.
  package var concurrency = 8
  /// Groups that are being judged or wait for it; more are declined at once.
  package var queuedGroups = 64
  /// From sending a request to the last byte of its answer. Bytes that trickle in do not extend it.
  package var requestDeadline: Duration = .seconds(60)
  /// From taking a group to its end, the time in the queue included. Should be shorter than a lease.
  package var groupDeadline: Duration = .seconds(300)
  /// Times that a member is asked for, the first one included. Probes of a service that is down do not count.
  package var attempts = 4
  /// Retries of all members of a group together.
  package var retriesPerGroup = 32
  /// The wait before the first retry; it doubles with each further one, with jitter.
  package var firstBackoff: Duration = .milliseconds(500)
  /// The longest wait before a retry, unless the service asks for a longer one.
  package var longestBackoff: Duration = .seconds(20)
  /// Retries that may be made before any answer has earned one.
  package var retryFloor = 10
  /// Retries that each answer earns: 0.1 is one retry for ten answers. Counted in thousandths.
  package var retryShare = 0.1
  /// One more retry is allowed each time this has passed, so that a single request can get through after an overload.
  package var retryInterval: Duration = .seconds(5)
  /// Failures in a row after which nothing is sent for a cool-down. More than `attempts`, so that one request that always
  /// fails does not look like a service that is down.
  package var breakerFailures = 5
  /// The first cool-down; it doubles with each probe that fails, with jitter.
  package var firstCoolDown: Duration = .seconds(1)
  /// The longest cool-down, whatever the service asks for.
  package var longestCoolDown: Duration = .seconds(30)
  /// How long a service that is down is waited for. A `Retry-After` beyond it counts as being down already.
  package var waitBudget: Duration = .seconds(120)
  package var whenDown = WhenDown.decline

  package init() {}

  /// What contradicts what; empty if the settings fit together.
  package var contradictions: [String] {
    var found: [String] = []
    func require(_ holds: Bool, _ what: String) { if !holds { found.append(what) } }
    require(concurrency >= 1, "at least one request must be allowed at once")
    require(queuedGroups >= 1, "at least one group must be allowed to wait")
    require(requestDeadline > .zero, "a request needs time to be answered")
    require(requestDeadline <= groupDeadline, "a request must be answered within its group's deadline")
    require(groupDeadline <= .seconds(86_400), "a group must end within a day")
    require(attempts >= 1, "a member must be asked for at least once")
    require(retriesPerGroup >= 0, "a group cannot have fewer than no retries")
    require(
      firstBackoff > .zero && firstBackoff <= longestBackoff,
      "the first back-off must be positive and no longer than the longest")
    require(longestBackoff <= groupDeadline, "a back-off must end within its group's deadline")
    require(retryFloor >= 1, "at least one retry must be allowed before the first answer")
    require(retryShare >= 0 && retryShare <= 1, "an answer earns from 0 to 1 retries")
    require(
      retryInterval > .zero && retryInterval <= .seconds(86_400), "the interval that allows a retry must be from 0 to a day")
    require(breakerFailures > attempts, "one request that always fails must not look like a service that is down")
    require(
      firstCoolDown > .zero && firstCoolDown <= longestCoolDown,
      "the first cool-down must be positive and no longer than the longest")
    require(longestCoolDown <= groupDeadline, "a service that is down must be asked again within a group's deadline")
    require(firstCoolDown <= waitBudget, "a service that is down must be asked again before the wait for it ends")
    require(waitBudget <= groupDeadline, "a group cannot wait for the service beyond its own deadline")
    return found
  }
}
