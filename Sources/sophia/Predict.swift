internal import ActionableErrors
internal import ArgumentParser
internal import Dashboard
internal import DurableFiles
internal import Foundation
internal import Runs
internal import Simulator

/// `sophia simulate --predict`: what more workers would bring, and whether the prediction holds on this machine.
struct Predict {
  let arguments: PredictArguments
  let staleness: [Int]
  let jobs: Int
  let json: Bool
  let seed: UInt64
  private let interruption = Interruption()
  private let progress = TerminalProgress()

  init(_ arguments: PredictArguments, staleness: [Int], jobs: Int, json: Bool, seed: UInt64) {
    self.arguments = arguments
    self.staleness = staleness
    self.jobs = jobs
    self.json = json
    self.seed = seed
  }

  /// - Parameters:
  ///   - given: the cluster that flags describe.
  ///   - turn: turns the knobs that were set by name.
  func run(_ given: SimulationOptions, _ turn: (SimulationOptions) throws -> SimulationOptions) async throws {
    let calibration = try arguments.calibrate.map { run in
      try CostCalibration(RunFolder(run), cores: arguments.cores, link: arguments.link ?? PredictArguments.usualLink)
    }
    var options = calibration?.options ?? Self.usual(given)
    arguments.apply(to: &options.costs)
    options = try turn(options)
    if let wrong = options.contradiction {
      throw UsageError(message: wrong, advice: "`sophia simulate --list-knobs` shows all knobs")
    }
    let output = PredictOutput(options: options, calibration: calibration, run: arguments.calibrate)
    if !json, let text = output.findings { try printLine(text) }

    var planning = Planning(base: options)
    planning.staleness = staleness
    planning.seed = seed
    if let over = arguments.over { planning.workers = try PredictArguments.list(over, "over", 1...10_000) }
    let rows = try await predict(planning)
    if !json { try printLine(output.text(rows)) }
    if let plot = arguments.plot { try output.page(rows).write(to: plot) }
    let comparison = try await compare(calibration)
    if !json, let comparison { try printLine(output.text(comparison)) }
    if json { try printLine(output.object(rows, comparison).serialized) }
    if let plot = arguments.plot, !json { try printLine("plot         \(plot)") }
  }

  private func predict(_ planning: Planning) async throws -> [Planning.Row] {
    let total = planning.workers.count * planning.staleness.count
    let stage = progress.stage("simulating", total: total)
    let interruption = interruption
    let rows = try await planning.rows(
      jobs: jobs, shouldStop: { interruption.isRequested }, progress: { stage.update(done: $0) })
    if interruption.isRequested { throw ExitCode(RunExit.interrupted) }
    stage.finish("\(rows.count) clusters")
    return rows
  }

  /// A cluster whose costs nobody has said anything of: signs of life that suit steps of many seconds.
  private static func usual(_ given: SimulationOptions) -> SimulationOptions {
    var options = given
    options.heartbeat = 5
    options.peerTimeout = 30
    options.costs.linkBytesPerSecond = PredictArguments.usualLink
    options.costs.eventSeconds = CostModel.measuredEventSeconds
    return options
  }

  // MARK: Measuring

  /// Prediction and measurement for some number of workers on this machine.
  struct Comparison: Sendable {
    let workers: Int
    let measured: Double
    let load: Double
    /// From the run that was named, and from the first of the runs made now.
    let predicted: Double
    let predictedFromFirst: Double
  }

  private func compare(_ calibration: CostCalibration?) async throws -> [Comparison]? {
    guard let list = arguments.measure, let calibration else { return nil }
    let counts = try PredictArguments.list(list, "measure", 1...64)
    let folder = "\(NSTemporaryDirectory())sophia-measure-\(getpid())"
    defer { try? DurableFiles.remove(folder) }
    let measurement = ThroughputMeasurement(
      settings: calibration.settings, folder: folder, steps: arguments.measureSteps, executable: executable,
      progress: progress, interruption: interruption)
    var results: [ThroughputMeasurement.Result] = []
    for workers in counts {
      guard let result = try await measurement.run(workers: workers) else { throw ExitCode(RunExit.interrupted) }
      results.append(result)
    }
    guard let first = results.first else { return nil }
    let link = calibration.options.costs.linkBytesPerSecond
    let fromFirst = try CostCalibration(first.folder, cores: arguments.cores, link: link)
    return results.map { result in
      Comparison(
        workers: result.workers, measured: result.responsesPerSecond, load: result.load,
        predicted: here(calibration, result.workers), predictedFromFirst: here(fromFirst, result.workers))
    }
  }

  /// Responses a second on this machine, whose cores all share.
  private func here(_ calibration: CostCalibration, _ workers: Int) -> Double {
    var planning = Planning(base: calibration.options)
    planning.base.costs.cores = arguments.cores ?? Double(ProcessInfo.processInfo.activeProcessorCount)
    planning.steps = 24
    let row = try? planning.row(workers: workers, staleness: calibration.options.staleness)
    return row?.state?.responsesPerSecond ?? .nan
  }
}
