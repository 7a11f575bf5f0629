internal import ActionableErrors
internal import GRDB
package import Rollout
internal import Synchronization

/// The learner's hold on a run file: the ledger journal.
///
/// A commit is one transaction for the whole batch and is fsynced before it returns. A record that contradicts the
/// ledger is refused with its batch. After a write whose effect on the disk nobody knows, a failed fsync above all, the
/// store refuses everything: a second fsync could report success for pages that the first one lost.
package final class RunStore: RunJournal {
  package let path: String

  private let queue: DatabaseQueue
  private let clock: RunClock
  private let standing: Mutex<Standing>

  private struct Standing {
    /// Why nothing is written any more.
    var stopped: String?
    /// What this learner announced itself as. A higher one in the file means that it was replaced.
    var incarnation: UInt32?
    /// About how many bytes the log has grown since it was last copied into the file.
    var logged = 0
  }

  /// The log is copied into the file when about this much is in it: often enough to keep it small, seldom enough that
  /// pages that change with every commit are copied once for many.
  private static let logBound = 16 << 20
  /// What a commit logs besides its groups: each page that it touches, whole.
  private static let pagesOfCommit = 32 << 10

  /// Opens the run file at `path`, or makes it. Its folder must exist.
  package init(path: String, clock: RunClock = .system) throws(RunStoreError) {
    self.path = path
    self.clock = clock
    queue = try RunFile.openForWriting(path, .full)
    standing = Mutex(Standing())
  }

  package func commit(_ records: [JournalRecord]) throws {
    guard !records.isEmpty else { return }
    let bytes = records.reduce(0) { $0 + $1.approximateByteCount }
    do {
      try transaction { db in
        var writer = JournalWriter(db, clock: clock)
        for record in records { try writer.write(record) }
        try writer.finish()
      }
    } catch let error as RunStoreError where error.mayPass {
      throw JournalPaused(reason: "\(error)")
    }
    let logged = standing.withLock { standing in
      for case .incarnation(let incarnation) in records { standing.incarnation = incarnation }
      standing.logged += bytes + Self.pagesOfCommit
      return standing.logged
    }
    if logged >= Self.logBound { copyLogIntoFile() }
  }

  package func checkpoints() throws -> [CheckpointRecord] {
    do {
      return try queue.read { db in try CheckpointRows.all(db).reversed() }
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  package func rollBack(to step: UInt32) throws -> RecoveredLedger {
    try transaction { db in try RollBack(db, to: step).perform() }
  }

  /// Copies what is in the log into the file and closes it. Losing this call loses nothing but time at the next start.
  package func close() throws(RunStoreError) {
    if standing.withLock({ $0.stopped }) == nil { copyLogIntoFile() }
    do {
      try queue.close()
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  private func transaction<Outcome>(_ body: (Database) throws -> Outcome) throws -> Outcome {
    let (stopped, incarnation) = standing.withLock { ($0.stopped, $0.incarnation) }
    if let stopped { throw RunStoreError.stopped(path: path, because: stopped) }
    do {
      return try queue.writeWithoutTransaction { db in
        var result: Outcome?
        try db.inTransaction(.immediate) {
          try refuseIfFenced(db, incarnation)
          result = try body(db)
          return .commit
        }
        guard let result else { throw RunStoreError.unexpected(path: path, detail: "a transaction gave no result") }
        return result
      }
    } catch {
      let failure = RunStoreError(error, path: path)
      if failure.leavesDiskUnknown { stop(because: failure.message) }
      throw failure
    }
  }

  private func refuseIfFenced(_ db: Database, _ incarnation: UInt32?) throws {
    guard let incarnation else { return }
    let current = try UInt32.fetchOne(db.cachedStatement(sql: "SELECT MAX(incarnation) FROM incarnations")) ?? 0
    guard current == incarnation else {
      throw RunStoreError.fenced(path: path, incarnation: incarnation, current: current)
    }
  }

  /// What was committed is in the log and durable, so a failure here takes nothing back; it stops the next commit.
  private func copyLogIntoFile() {
    do {
      // A reader in the middle of the log is no failure: the rest is copied next time.
      try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.passive) }
      standing.withLock { $0.logged = 0 }
    } catch {
      let failure = RunStoreError(error, path: path)
      if failure.leavesDiskUnknown { stop(because: failure.message) }
    }
  }

  private func stop(because reason: String) {
    standing.withLock { standing in
      if standing.stopped == nil { standing.stopped = reason }
    }
  }
}

extension JournalRecord {
  fileprivate var approximateByteCount: Int {
    guard case .admitted(let group, _, _) = self else { return 256 }
    return group.responses.reduce(512) { $0 + 8 * $1.tokens.count + $1.text.utf8.count + 128 }
  }
}
