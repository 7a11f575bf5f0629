internal import ActionableErrors
package import Rollout
internal import Synchronization
internal import Threads

/// Makes journal records durable on a thread of its own, many in one commit: whatever has arrived while the disk was busy
/// goes into the next one.
package final class JournalWriter: Sendable {
  private struct Waiting {
    var records: [JournalRecord] = []
    var lastTicket = 0
    /// Whether a commit is on its way that will take what waits.
    var isScheduled = false
    var hasFailed = false
  }

  /// The thread that waits for the disk.
  private actor Disk {
    private let executor = ThreadExecutor(name: "journal")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    func run(_ job: @Sendable () -> Void) { job() }
  }

  private let disk = Disk()
  private let journal: any RunJournal
  private let done: @Sendable (Result<Int, any Error>) -> Void
  private let waiting = Mutex(Waiting())

  /// - Parameter done: told the last ticket of each durable commit, or the error that ended the journal.
  package init(journal: any RunJournal, done: @escaping @Sendable (Result<Int, any Error>) -> Void) {
    self.journal = journal
    self.done = done
  }

  /// Returns at once. Tickets grow.
  package func add(_ records: [JournalRecord], ticket: Int) {
    let isFirst = waiting.withLock { waiting in
      guard !waiting.hasFailed else { return false }
      waiting.records += records
      waiting.lastTicket = ticket
      defer { waiting.isScheduled = true }
      return !waiting.isScheduled
    }
    if isFirst { Task { [self] in await disk.run { commit() } } }
  }

  private func commit() {
    let (records, ticket) = waiting.withLock { waiting in
      defer { waiting.records = [] }
      waiting.isScheduled = false
      return (waiting.records, waiting.lastTicket)
    }
    guard !records.isEmpty else { return }
    do {
      try journal.commit(records)
      done(.success(ticket))
    } catch {
      // A commit that failed is never tried again: what the disk holds is unknown.
      waiting.withLock { waiting in
        waiting.hasFailed = true
        waiting.records = []
      }
      done(.failure(error))
    }
  }
}
