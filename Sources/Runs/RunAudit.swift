internal import DurableFiles
internal import Engines
internal import Foundation
package import RunStore
internal import Settings

/// Whether a run folder holds what it promises: the ledger is counted again, and every checkpoint that it names is read
/// and hashed. Nothing is changed, and the run may be under way.
package struct RunAudit: Sendable {
  package struct Checkpoint: Sendable {
    package let record: LedgerAudit.Checkpoint
    /// What is wrong with its folder; nil if every hash agrees.
    package let damage: String?
  }

  package let ledger: LedgerAudit
  /// Oldest first.
  package let checkpoints: [Checkpoint]
  package let deadLetters: [RunReader.DeadLetter]
  /// Versions that a sample may lag behind, by the run's settings; nil if there are none.
  package let staleness: Int?

  /// What is wrong, one sentence each. One damaged checkpoint among sound ones is a breach too: a learner that starts
  /// passes it over.
  package var problems: [String] {
    var problems = ledger.problems
    if let staleness, ledger.largestStaleness > staleness {
      problems.append("A trained group was \(ledger.largestStaleness) versions behind, more than \(staleness).")
    }
    problems += checkpoints.compactMap { checkpoint in
      checkpoint.damage.map { "The checkpoint of step \(checkpoint.record.step) is not sound (\($0))." }
    }
    if !checkpoints.isEmpty, checkpoints.allSatisfy({ $0.damage != nil }) {
      problems.append("No checkpoint is sound: the run would go on from its start.")
    }
    return problems
  }

  package init(_ folder: RunFolder) throws {
    guard FileManager.default.fileExists(atPath: folder.store) else {
      throw RunError(
        code: "ledger.no-run", message: "there is no run in \(folder.path) (no run.sqlite)", advice: "name a run folder")
    }
    let reader = try RunReader(path: folder.store)
    let ledger = try reader.audit()
    self.ledger = ledger
    deadLetters = try reader.deadLetters()
    checkpoints = try ledger.checkpoints.compactMap { record in
      let damage = Self.damage(of: record, in: folder)
      // A learner that is at work may have let it go since the ledger was read.
      guard try damage == nil || reader.audit().checkpoints.contains(record) else { return nil }
      return Checkpoint(record: record, damage: damage)
    }
    let hasSettings = FileManager.default.fileExists(atPath: folder.settings)
    staleness = hasSettings ? try LoadedSettings.read(folder.settings).settings.rollout.staleness : nil
  }

  private static func damage(of record: LedgerAudit.Checkpoint, in folder: RunFolder) -> String? {
    let parts = record.path.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else {
      return "its path \(record.path) leads out of the run folder"
    }
    do {
      let policy = try TrainingState.verify("\(folder.path)/\(record.path)", step: UInt64(record.step)).description
      return policy == record.policy ? nil : "it is of policy \(policy), where the journal has \(record.policy)"
    } catch {
      return "\(error)"
    }
  }
}
