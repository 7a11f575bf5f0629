/// What was counted in a run.
package struct SimulationTally: Sendable, Hashable {
  package var events = 0
  package var fired: [FaultKind: Int] = [:]
  package var restarts = 0
  package var hedges = 0
  package var deltas = 0
  package var refusals = 0
  package var messages = 0
  package var bytes = 0.0
  /// Groups that were admitted under a lease of an earlier incarnation.
  package var handedIn = 0

  package init() {}
}

/// How a simulated run ended.
package struct SimulationReport: Sendable, Hashable {
  package struct Groups: Sendable, Hashable, Codable {
    package var issued: Int
    package var trained: Int
    package var deadLettered: Int
  }

  package var seed: UInt64
  /// Over the time, order and bytes of everything that happened.
  package var traceHash: UInt64
  package var virtualSeconds: Double
  package var events: Int
  package var groups: Groups
  package var faults: [FaultKind: Int]
  package var violations: [Violation]
  /// SHA-256 of the last policy that is durable.
  package var policy: String?
  package var tally: SimulationTally
}
