internal import ActionableErrors
package import Rollout
internal import Threads

/// Makes journal records durable on a thread of its own, many in one commit: whatever has arrived while the disk was busy
/// goes into the next one.
package actor JournalWriter {
  private let executor = ThreadExecutor(name: "journal")
  private let journal: any RunJournal
  private let done: @Sendable (Result<Int, any Error>) -> Void
  private var waiting: [JournalRecord] = []
  private var lastTicket = 0
  private var isScheduled = false
  private var hasFailed = false

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter done: told the last ticket of each durable commit, or the error that ended the journal.
  package init(journal: any RunJournal, done: @escaping @Sendable (Result<Int, any Error>) -> Void) {
    self.journal = journal
    self.done = done
  }

  package func add(_ records: [JournalRecord], ticket: Int) {
    waiting += records
    lastTicket = ticket
    guard !isScheduled else { return }
    isScheduled = true
    // Runs after everything that has been added by then.
    Task { self.commit() }
  }

  private func commit() {
    isScheduled = false
    let (records, ticket) = (waiting, lastTicket)
    waiting.removeAll(keepingCapacity: true)
    guard !records.isEmpty, !hasFailed else { return }
    do {
      try journal.commit(records)
      done(.success(ticket))
    } catch {
      // A commit that failed is never tried again: what the disk holds is unknown.
      hasFailed = true
      done(.failure(error))
    }
  }
}
