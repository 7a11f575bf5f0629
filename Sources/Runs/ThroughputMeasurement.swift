package import Dashboard
internal import DurableFiles
internal import Foundation
internal import RunStore
package import Settings

/// How fast a run is with some numbers of workers on this machine, each a run of its own in a folder of its own.
package struct ThroughputMeasurement: Sendable {
  /// What was measured with a number of workers.
  package struct Result: Sendable, Hashable {
    package let workers: Int
    package let folder: RunFolder
    /// Responses of a step by the median time of one, the first steps left out.
    package let responsesPerSecond: Double
    /// Load of the machine before the run, as the kernel averages it over a minute.
    package let load: Double
  }

  private let settings: RunSettings
  private let folder: String
  private let executable: String
  private let progress: TerminalProgress
  private let interruption: Interruption

  /// - Parameters:
  ///   - settings: of a run; what only costs time, evaluations and checkpoints, is left out.
  ///   - folder: where the runs are made.
  package init(
    settings: RunSettings, folder: String, steps: Int, executable: String, progress: TerminalProgress, interruption: Interruption
  ) {
    var settings = settings
    settings.run.steps = steps
    settings.run.epochs = nil
    settings.run.evaluateEvery = 0
    settings.run.checkpointEvery = 0
    settings.data.heldOutFiles = []
    settings.cluster.bind = "tcp://127.0.0.1:0"
    self.settings = settings
    self.folder = folder
    self.executable = executable
    self.progress = progress
    self.interruption = interruption
  }

  /// - Returns: nil if it was interrupted.
  package func run(workers: Int) async throws -> Result? {
    var settings = settings
    let folder = RunFolder("\(folder)/workers-\(workers)")
    settings.run.folder = folder.path
    settings.cluster.workers = workers
    var loads = [0.0, 0, 0]
    getloadavg(&loads, 3)
    let run = TrainingRun(settings: settings, executable: executable, progress: progress, interruption: interruption)
    guard try await run.run() == .completed else { return nil }
    let times = try RunReader(path: folder.store).stepSeconds().filter { $0.step > UInt32(CostCalibration.warmUp) }
    let responses = Double(settings.rollout.promptsPerStep * settings.rollout.groupSize)
    return Result(
      workers: workers, folder: folder, responsesPerSecond: responses / Quartiles(times.map(\.seconds)).median, load: loads[0])
  }
}
