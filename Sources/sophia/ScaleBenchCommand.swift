internal import ActionableErrors
internal import ArgumentParser
internal import Dashboard
internal import DurableFiles
internal import Foundation
internal import Limits
internal import Runs

struct ScaleBenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract: "How many workers and groups a second one learner serves, with engines that cost nothing.",
    discussion: """
      Everything between the engines is that of a run: learner, scorers and workers with their services, CURVE and the \
      allow-list over TCP on loopback, and the journal with its fsyncs on the disk of --folder. The learner is a process of its \
      own, scorers too, and a few processes hold all workers, each with its own threads and connections. Generating, scoring and \
      training take no time and give small groups.

      Every number of workers is measured twice: as fast as they go, and at a rate that is held, where waits are not those of a \
      queue that is always full. A lease is waited for from the moment a worker has room, because it has finished a group, until \
      it has the next one in hand; where all units of the steps that may be sampled are out, until the next step. A group is acknowledged from being pushed to the scorer until its worker is told that it is \
      durable. Afterwards everything is counted again: every group that was acknowledged is in the ledger, and every unit was \
      trained once. Exit code 1 if not.

      Beside it, what the simulator says of every point with the costs of one of them, on the cores of this machine.

        sophia bench scale
        sophia bench scale --workers 1,4,16,64,256,1024 --plot scale.html
        sophia bench scale --workers 64 --process-per-worker --rate 500
      """)

  @Option(help: "Numbers of workers: W,...")
  var workers = "1,4,16,64,256"

  @Option(help: "Groups a second that are to be held; 0: only as fast as they go.")
  var rate = 2000.0

  @Option(help: "Groups of each measurement.")
  var groups = ScalePlan().groups

  @Option(help: "Groups before it.")
  var warmUp = ScalePlan().warmUp

  @Option(help: "Responses of a group.")
  var responses = ScalePlan().responses

  @Option(help: "Tokens of a response.")
  var tokens = ScalePlan().tokens

  @Option(help: "Groups that a worker generates at once.")
  var credit = ScalePlan().cluster.credit

  @Option(help: "Scorers; by default one for each 1024 groups that can be on their way at once.")
  var scorers: Int?

  @Option(help: "Processes that hold the workers.")
  var processes = 4

  @Flag(help: "Each worker is a process of its own.")
  var processPerWorker = false

  @Option(help: "Number of workers whose costs the prediction is made from; by default the one in the middle.")
  var calibrate: Int?

  @Option(help: "Folder on the disk that is measured. What is written there is removed afterwards.")
  var folder = "."

  @Flag(help: "Leave ledger, logs and reports of the processes.")
  var keep = false

  @Option(help: "Write a page (.html) or a picture (.svg) of it.")
  var plot: String?

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    let limits = Limits.standard.messages
    for (name, value, limit) in [
      ("groups", groups, 10_000_000), ("warm-up", warmUp, 10_000_000), ("responses", responses, limits.groupSize),
      ("tokens", tokens, limits.responseTokens), ("credit", credit, limits.credit), ("scorers", scorers ?? 1, 64),
      ("processes", processes, 1024),
    ] where !(1...limit).contains(value) {
      throw ValidationError("--\(name) is \(value); give 1 to \(limit)")
    }
    guard rate >= 0, rate <= 1e6 else { throw ValidationError("--rate is \(rate); give 0 to 1000000") }
    if let plot, !plot.hasSuffix(".svg"), !plot.hasSuffix(".html") {
      throw ValidationError("--plot \(plot) ends in neither .svg nor .html")
    }
    let counts = try counts()
    if let calibrate, !counts.contains(calibrate) { throw ValidationError("--calibrate \(calibrate) is not among --workers") }
  }

  private func counts() throws -> [Int] { try PredictArguments.list(workers, "workers", 1...8192) }

  func run() async throws {
    guard isFolder(folder) else {
      throw UsageError(message: "there is no folder \(folder)", advice: "give --folder a folder on the disk to measure")
    }
    let interruption = Interruption()
    let path = URL(fileURLWithPath: folder).standardizedFileURL.path
    let benchmark = ScaleBenchmark(executable: executable, folder: path, keepsFiles: keep)
    let progress = TerminalProgress()
    let counts = try counts()
    var points: [ScalePoint] = []
    for workers in counts {
      var point = ScalePoint(workers: workers, most: try await measure(plan(workers, nil), benchmark, progress, interruption))
      if rate > 0 { point.held = try await measure(plan(workers, rate), benchmark, progress, interruption) }
      points.append(point)
    }
    let basis = calibrate ?? counts[counts.count / 2]
    if let costs = points.first(where: { $0.workers == basis }) {
      let prediction = ScalePrediction(from: costs.most, roundTrip: try await roundTrip())
      let stage = progress.stage("simulating", total: points.count)
      for index in points.indices {
        try points[index].predict(by: prediction)
        stage.update(done: index + 1)
      }
      stage.finish("\(points.count) clusters")
    }
    let output = ScaleOutput(points: points, rate: rate > 0 ? rate : nil, basis: basis)
    if let plot { try output.page.write(to: plot) }
    if json { try printLine(output.json()) } else { try printLine(output.text) }
    guard points.allSatisfy(\.isSound) else { throw ExitCode(1) }
  }

  private func roundTrip() async throws -> Double {
    var transport = TransportBenchmark()
    (transport.sizes, transport.duration) = ([256], .milliseconds(50))
    return try await transport.run().first { $0.curve }.map { $0.roundTripMicroseconds * 1e-6 } ?? 0
  }

  private func plan(_ workers: Int, _ rate: Double?) -> ScalePlan {
    var plan = ScalePlan()
    plan.workers = workers
    plan.workerProcesses = processPerWorker ? workers : min(workers, processes)
    (plan.groups, plan.warmUp, plan.rate) = (groups, warmUp, rate)
    (plan.responses, plan.tokens, plan.cluster.credit) = (responses, tokens, credit)
    if let scorers { plan.scorers = scorers } else { plan.chooseScorers() }
    return plan
  }

  private func measure(
    _ plan: ScalePlan, _ benchmark: ScaleBenchmark, _ progress: TerminalProgress, _ interruption: Interruption
  ) async throws -> ScaleMeasurement {
    if interruption.isRequested { throw ExitCode(RunExit.interrupted) }
    let pace = plan.rate.map { "\(Int($0)) groups/s" } ?? "as fast as they go"
    let stage = progress.stage("\(plan.workers) workers, \(pace)", total: plan.totalGroups)
    let measuring = Task { try await benchmark.measure(plan) { if let done = $0 { stage.update(done: done) } } }
    let observer = interruption.onRequest { _ in measuring.cancel() }
    defer { interruption.forget(observer) }
    let found: ScaleMeasurement
    do {
      found = try await measuring.value
    } catch {
      throw interruption.isRequested ? ExitCode(RunExit.interrupted) : error
    }
    stage.finish(
      String(format: "%.0f groups/s; %d groups in the ledger, ", found.groupsPerSecond, found.admitted)
        + (found.isSound ? "none lost, none trained twice" : "\(found.lost) lost, \(found.trainedTwice) trained twice"))
    for problem in found.problems { progress.print("  \(problem)") }
    return found
  }
}
