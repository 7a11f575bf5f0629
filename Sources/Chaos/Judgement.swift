internal import DurableFiles
internal import Foundation
internal import RunStore
internal import Runs

/// Counts and compares what the disturbed run left behind.
struct Judgement {
  /// How the run ended.
  let end: String
  let isComplete: Bool
  let folder: RunFolder
  /// What the last policy must be, and where that comes from; nil if it could not be had.
  let expected: (policy: String, source: String)?

  func checks(_ numbers: inout Verdict.Numbers) throws -> [Verdict.Check] {
    var checks = [Verdict.Check(name: "the run ends with success", isPassed: isComplete, found: end)]
    guard FileManager.default.fileExists(atPath: folder.store) else { return checks }
    let audit = try RunAudit(folder)
    let ledger = audit.ledger
    numbers.issued = ledger.issued
    numbers.trained = ledger.counts[.trained] ?? 0
    numbers.deadLettered = ledger.counts[.deadLettered] ?? 0
    numbers.groupsLost = ledger.issued - numbers.trained - numbers.deadLettered
    numbers.steps = ledger.steps
    numbers.learnerStarts = ledger.incarnations
    numbers.trainedTwice = try twice(trained: numbers.trained)
    numbers.checkpoints = audit.checkpoints.count
    numbers.checkpointsWhole = audit.checkpoints.count { $0.damage == nil }
    numbers.policySHA256 = ledger.policy
    numbers.expectedPolicySHA256 = expected?.policy
    let letters = numbers.deadLettered == 0 ? "" : ", \(numbers.deadLettered) given up with their reasons"
    checks.append(
      Verdict.Check(
        name: "no group is lost", isPassed: numbers.groupsLost == 0,
        found: "\(numbers.groupsLost) lost: \(numbers.issued) issued, \(numbers.trained) trained\(letters)"))
    checks.append(
      Verdict.Check(
        name: "no group is trained twice", isPassed: numbers.trainedTwice == 0,
        found: "\(numbers.trainedTwice) trained twice"))
    checks.append(weights(ledger.policy))
    checks.append(
      Verdict.Check(
        name: "the ledger is sound", isPassed: audit.problems.isEmpty,
        found: audit.problems.isEmpty ? "counted again: every unit in one state" : audit.problems.joined(separator: " ")))
    checks.append(
      Verdict.Check(
        name: "every checkpoint is whole",
        isPassed: numbers.checkpoints > 0 && numbers.checkpoints == numbers.checkpointsWhole,
        found: "\(numbers.checkpointsWhole) of \(numbers.checkpoints) hash to what the journal has"))
    return checks
  }

  /// What steps say they trained, beyond the units that are trained.
  private func twice(trained: Int) throws -> Int {
    let steps = try RunReader(path: folder.store).steps()
    return max(0, steps.reduce(0) { $0 + $1.groups } - trained)
  }

  private func weights(_ policy: String?) -> Verdict.Check {
    let name = "the weights are those of the undisturbed run"
    guard let expected else { return Verdict.Check(name: name, isPassed: false, found: "there is nothing to compare with") }
    guard let policy else { return Verdict.Check(name: name, isPassed: false, found: "nothing was trained") }
    let isSame = policy == expected.policy
    return Verdict.Check(
      name: name, isPassed: isSame,
      found: isSame
        ? "bit for bit: sha256 \(policy.prefix(16))…, as \(expected.source)"
        : "sha256 \(policy), but \(expected.source) has \(expected.policy)")
  }
}
