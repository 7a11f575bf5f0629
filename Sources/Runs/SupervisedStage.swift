package import Dashboard
package import Engines
internal import Foundation
internal import Synchronization
internal import Threads

/// Supervised trainings that go on at once, each on a thread of its own, shown as one stage: for models so small that a
/// second thread for one of them would only wait.
package enum SupervisedStage {
  /// - Parameters:
  ///   - runs: with the names by which their losses are shown.
  ///   - atOnce: how many of them go on at the same time.
  /// - Throws: `CancellationError` if it was interrupted; the same call goes on.
  package static func train(
    _ name: String, _ runs: [(name: String, run: SupervisedRun)], atOnce: Int, progress: TerminalProgress,
    interruption: Interruption
  ) async throws {
    guard !runs.isEmpty else { return }
    let stage = progress.stage(name, total: runs.reduce(0) { $0 + $1.run.settings.steps })
    let board = ProgressBoard(order: runs.map(\.name))
    do {
      try await withThrowingTaskGroup(of: Void.self) { group in
        var waiting = runs[...]
        func add() {
          guard let (name, run) = waiting.popFirst() else { return }
          group.addTask {
            try await TrainingThread(name).run(run, shouldStop: { interruption.isRequested || Task.isCancelled }) { state in
              let shown = board.post(state, as: name)
              stage.update(
                done: shown.reduce(0) { $0 + $1.state.step },
                numbers: shown.suffix(3).map { ("\($0.name)loss", $0.state.loss) })
            }
          }
        }
        for _ in 0..<atOnce { add() }
        while try await group.next() != nil { add() }
      }
    } catch let error as CancellationError {
      stage.finish("stopped")
      throw error
    }
    stage.finish(
      board.shown.map { "\($0.name)loss \(String(format: "%.3f", $0.state.loss))" }.joined(separator: ", "))
  }
}

/// A thread that trains one model.
private actor TrainingThread {
  private let executor: ThreadExecutor

  nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  init(_ name: String) {
    executor = ThreadExecutor(name: name)
  }

  func run(
    _ run: SupervisedRun, shouldStop: @Sendable () -> Bool, progress: @Sendable (SupervisedProgress) -> Void
  ) throws {
    try run.run(shouldStop: shouldStop, progress: progress)
  }
}

/// Where trainings that go on at once say how far they are.
private final class ProgressBoard: Sendable {
  private let order: [String]
  private let states = Mutex([String: SupervisedProgress]())

  init(order: [String]) {
    self.order = order
  }

  /// Of those that have begun, in their order.
  var shown: [(name: String, state: SupervisedProgress)] {
    states.withLock { states in order.compactMap { name in states[name].map { (name: name, state: $0) } } }
  }

  func post(_ state: SupervisedProgress, as name: String) -> [(name: String, state: SupervisedProgress)] {
    states.withLock { $0[name] = state }
    return shown
  }
}
