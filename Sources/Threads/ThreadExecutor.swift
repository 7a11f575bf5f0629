internal import CLinux
internal import Foundation

/// A serial executor with a thread of its own.
///
/// Actors that run tensors or wait for the disk live on one: libtorch's thread pool belongs to the thread that calls it,
/// and a call that takes a second must not hold up the shared pool that serves sockets and timers.
package final class ThreadExecutor: SerialExecutor {
  private let jobs = JobQueue()

  /// - Parameter name: shown by debuggers and `top -H`, at most 15 characters.
  package init(name: String) {
    let thread = Thread { [jobs] in
      name_this_thread(name)
      jobs.runUntilClosed()
    }
    thread.stackSize = 16 << 20
    thread.start()
  }

  deinit {
    jobs.close()
  }

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    // The job may hold the last reference to its actor, and the actor the last one to this executor.
    jobs.add { [self] in job.runSynchronously(on: asUnownedSerialExecutor()) }
  }
}

/// Work handed from any thread to one.
///
/// Sendable because `waiting` and `isClosed` are read and written only between `lock` and `unlock` of `condition`.
private final class JobQueue: @unchecked Sendable {
  private let condition = NSCondition()
  private var waiting: [@Sendable () -> Void] = []
  private var isClosed = false

  func add(_ job: @escaping @Sendable () -> Void) {
    condition.lock()
    waiting.append(job)
    condition.signal()
    condition.unlock()
  }

  func close() {
    condition.lock()
    isClosed = true
    condition.signal()
    condition.unlock()
  }

  func runUntilClosed() {
    while true {
      condition.lock()
      while waiting.isEmpty, !isClosed { condition.wait() }
      let batch = waiting
      waiting.removeAll(keepingCapacity: true)
      let isLast = isClosed
      condition.unlock()
      for job in batch { job() }
      if isLast, batch.isEmpty { return }
    }
  }
}
