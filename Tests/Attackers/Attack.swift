internal import Foundation
internal import Synchronization

/// Threads that do the same thing again and again until they are stopped.
package final class Attack: Sendable {
  private let isOver = Atomic<Bool>(false)
  private let running = Mutex<(left: Int, done: [String: Int])>((0, [:]))

  package init() {}

  /// - Parameter act: returns whether it could do anything; if not, it is tried again a little later.
  package func add(_ name: String, _ act: @escaping @Sendable () throws -> Bool) {
    running.withLock { $0.left += 1 }
    Thread.detachNewThread { [self] in
      var count = 0
      while !isOver.load(ordering: .relaxed) {
        if (try? act()) == true { count += 1 } else { usleep(1000) }
      }
      running.withLock {
        $0.left -= 1
        $0.done[name, default: 0] += count
      }
    }
  }

  /// Stops all of it.
  ///
  /// - Returns: how often each thing was done.
  package func end() -> [String: Int] {
    isOver.store(true, ordering: .relaxed)
    while running.withLock({ $0.left }) > 0 { usleep(10_000) }
    return running.withLock { $0.done }
  }
}

/// The largest that processes become.
package final class PeakMemory: Sendable {
  private let isOver = Atomic<Bool>(false)
  private let peaks: Mutex<[Int]>
  private let hasEnded = Atomic<Bool>(false)

  package init(of processes: [ObservedProcess]) {
    peaks = Mutex(processes.map { _ in 0 })
    Thread.detachNewThread { [self] in
      while !isOver.load(ordering: .relaxed) {
        let sizes = processes.map(\.residentBytes)
        peaks.withLock { peaks in for (index, size) in sizes.enumerated() { peaks[index] = max(peaks[index], size) } }
        usleep(10_000)
      }
      hasEnded.store(true, ordering: .relaxed)
    }
  }

  /// In bytes, in the order of the processes.
  package func end() -> [Int] {
    isOver.store(true, ordering: .relaxed)
    while !hasEnded.load(ordering: .relaxed) { usleep(10_000) }
    return peaks.withLock { $0 }
  }
}
