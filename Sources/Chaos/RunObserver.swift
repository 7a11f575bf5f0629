internal import Foundation
internal import RunStore
package import Runs
internal import Synchronization

/// Watches a run through its journal: which step it has trained and how many groups it has admitted, and when.
package final class RunObserver: Sendable {
  /// How far the run was at one moment.
  package struct Sample: Sendable, Hashable, Codable {
    /// Seconds since the observer began.
    package var at: Double
    /// The last step of the committed line; less than before where a learner went back.
    package var step: Int
    /// Groups admitted so far, those that were trained included.
    package var admitted: Int
  }

  private static let interval = Duration.milliseconds(10)

  private let folder: RunFolder
  private let began = ContinuousClock.now
  private let state = Mutex(State())

  private struct State {
    /// Where anything changed.
    var samples: [Sample] = []
  }

  package init(_ folder: RunFolder) {
    self.folder = folder
  }

  /// Seconds since the observer began.
  package var now: Double { (ContinuousClock.now - began).inSeconds }

  package var latest: Sample { state.withLock { $0.samples.last } ?? Sample(at: 0, step: 0, admitted: 0) }

  package var samples: [Sample] { state.withLock { $0.samples } }

  /// Looks until the task is cancelled.
  package func run() async {
    var reader: RunReader?
    while !Task.isCancelled {
      if reader == nil, FileManager.default.fileExists(atPath: folder.store) { reader = try? RunReader(path: folder.store) }
      if let reader { look(reader) }
      try? await Task.sleep(for: Self.interval)
    }
    if let reader { look(reader) }
  }

  private func look(_ reader: RunReader) {
    // A journal that is full or being replaced cannot be read for a moment.
    guard let counts = try? reader.counts(), let step = try? reader.latestStep()?.step ?? 0 else { return }
    let admitted = counts[.admitted] + counts[.trained]
    state.withLock { state in
      guard state.samples.last.map({ ($0.step, $0.admitted) != (Int(step), admitted) }) ?? true else { return }
      state.samples.append(Sample(at: now, step: Int(step), admitted: admitted))
    }
  }
}
