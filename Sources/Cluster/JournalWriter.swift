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
  private let tell: @Sendable (Outcome) -> Void
  private let waiting = Mutex(Waiting())

  package enum Outcome: Sendable {
    /// Everything up to this ticket is durable.
    case durable(through: Int)
    /// Nothing was taken for now; it is tried again until it is.
    case paused(reason: String)
    /// The journal takes nothing any more.
    case failed(any Error)
  }

  /// Between two tries of a journal that is paused.
  private static let patience = Duration.seconds(1)

  /// - Parameter tell: told how each commit ended.
  package init(journal: any RunJournal, tell: @escaping @Sendable (Outcome) -> Void) {
    self.journal = journal
    self.tell = tell
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
      tell(.durable(through: ticket))
    } catch let pause as JournalPaused {
      tell(.paused(reason: pause.reason))
      tryAgain(records, ticket)
    } catch {
      // A commit that failed is never tried again: what the disk holds is unknown.
      waiting.withLock { waiting in
        waiting.hasFailed = true
        waiting.records = []
      }
      tell(.failed(error))
    }
  }

  /// What was not taken goes first when it is tried again.
  private func tryAgain(_ records: [JournalRecord], _ ticket: Int) {
    waiting.withLock { waiting in
      waiting.lastTicket = max(waiting.lastTicket, ticket)
      waiting.records = records + waiting.records
      waiting.isScheduled = true
    }
    Task { [weak self] in
      try? await Task.sleep(for: Self.patience)
      guard let self else { return }
      await disk.run { self.commit() }
    }
  }
}
