/// What became of one fault of a plan.
package struct FaultRecord: Sendable, Codable, Hashable {
  /// In the plan, from 1.
  package var number: Int
  package var family: FaultKind.Family
  package var kind: FaultKind
  /// As a line of progress says it.
  package var fault: String
  package var whom: String
  package var when: String
  /// Seconds since the run was begun; nil if it did not come to it.
  package var firedAt: Double?
  package var endedAt: Double?
  package var isProven = false
  /// What shows that it acted, or why it did not.
  package var proof: [String] = []
  /// Seconds from its end until one group more was admitted; nil if none was.
  package var secondsToNextGroup: Double?
  /// Seconds from its end until a step more was trained than ever before; nil if none was.
  package var secondsToNextStep: Double?

  init(_ fault: Fault, number: Int) {
    self.number = number
    family = fault.what.family
    kind = fault.what
    self.fault = fault.description
    whom = fault.whom.description
    when = fault.when.description
  }

  /// Reads recovery from what the observer saw.
  mutating func measureRecovery(_ samples: [RunObserver.Sample]) {
    guard firedAt != nil, let end = endedAt else { return }
    let before = samples.filter { $0.at <= end }
    let (admitted, step) = (before.map(\.admitted).max() ?? 0, before.map(\.step).max() ?? 0)
    let after = samples.filter { $0.at > end }
    secondsToNextGroup = after.first { $0.admitted > admitted }.map { $0.at - end }
    secondsToNextStep = after.first { $0.step > step }.map { $0.at - end }
  }
}
