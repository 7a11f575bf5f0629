internal import Cluster
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import RunStore
internal import Synchronization

/// What a learner can serve, with engines that cost nothing: everything between the engines is that of a run, roles, services,
/// CURVE and the allow-list over TCP, and a journal that is fsynced. Learner, scorers and workers are processes of their own;
/// one process holds many workers, or each has its own.
package struct ScaleBenchmark: Sendable {
  /// Of which each part is started with `bench scale-part FOLDER PART`.
  private let executable: String
  /// On the disk that is to be measured. Each point takes a folder in it, which is removed afterwards.
  private let folder: String
  private let keepsFiles: Bool
  /// Between the last worker's joining and the first group: until all is quiet, and what is measured of that.
  private static let (settling, idle) = (Duration.milliseconds(700), Duration.seconds(1))

  package init(executable: String, folder: String, keepsFiles: Bool = false) {
    self.executable = executable
    self.folder = folder
    self.keepsFiles = keepsFiles
  }

  /// Runs one part of a point; what its process does.
  package static func run(_ part: ScalePart, folder: String) async throws {
    let (plan, folder) = (try ScalePlan.read(folder), ScaleFolder(path: folder))
    switch part {
    case .learner: try await ScaleLearner(plan: plan, folder: folder).run()
    case .scorer(let number): try await ScaleScorerProcess(plan: plan, folder: folder, number: number).run()
    case .workers(let process): try await ScaleWorkers(plan: plan, folder: folder, process: process).run()
    }
  }

  /// Measures one point, and counts everything again afterwards.
  ///
  /// - Parameter progress: told how many groups are durable; nil while workers join.
  /// - Throws: `RunError` if a process ended before its time.
  package func measure(_ plan: ScalePlan, progress: @escaping @Sendable (Int?) -> Void = { _ in }) async throws -> ScaleMeasurement {
    let place = ScaleFolder(path: "\(folder)/sophia-scale-\(getpid())-\(plan.workers)-\(plan.rate == nil ? "most" : "held")")
    try DurableFiles.remove(place.path)
    try DurableFiles.createFolder(place.path)
    defer { if !keepsFiles { try? DurableFiles.remove(place.path) } }
    try place.keys.create(scorers: plan.scorers, workers: plan.workers)
    try plan.write(place.path)

    let busy = UsageRecorder(MachineUsage.busySeconds)
    let carried = UsageRecorder(MachineUsage.loopbackBytes)
    let cluster = LocalCluster(executable: executable, logs: place.path, maximumRestarts: 0) { _ in }
    let began = ContinuousClock.now
    do {
      for part in plan.parts { try await cluster.start(process(part, place)) }
      let (joined, started) = try await join(plan, place, cluster, began, progress)
      let watching = Task {
        while !Task.isCancelled {
          progress((try? String(contentsOfFile: place.progress, encoding: .utf8)).flatMap { Int($0) } ?? 0)
          try? await Task.sleep(for: .milliseconds(250))
        }
      }
      defer { watching.cancel() }
      try await withTaskCancellationHandler {
        for part in plan.parts { try await finish(part, place, cluster) }
      } onCancel: {
        Task { await cluster.stopAll(grace: .zero) }
      }
      return try ScaleMeasurement(plan, place, joined: joined, idle: started - Self.idle.inSeconds..<started, machine: busy.stop(), loopback: carried.stop())
    } catch {
      await cluster.stopAll(grace: .zero)
      throw error
    }
  }

  /// Waits until every worker has joined and taken the first weights, and lets them begin.
  private func join(
    _ plan: ScalePlan, _ place: ScaleFolder, _ cluster: LocalCluster, _ began: ContinuousClock.Instant,
    _ progress: @Sendable (Int?) -> Void
  ) async throws -> (joined: Double, started: Double) {
    progress(nil)
    let ready = (0..<plan.workerProcesses).map { place.ready($0) }
    while !ready.allSatisfy(FileManager.default.fileExists) {
      for part in plan.parts where await cluster.hasEnded(process(part, place)) { try await finish(part, place, cluster) }
      guard ContinuousClock.now - began < .seconds(180) else {
        throw RunError(
          code: "bench.scale-join", message: "not all of \(plan.workers) workers have joined within 3 minutes",
          advice: "give --keep and look into the .log files in \(place.path)")
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    let joined = ContinuousClock.now - began
    // What everyone takes of the processor without work, for the prediction.
    try await Task.sleep(for: Self.settling + Self.idle)
    try DurableFiles.write("\n", to: place.start)
    return (joined.inSeconds, monotonicSeconds())
  }

  private func finish(_ part: ScalePart, _ place: ScaleFolder, _ cluster: LocalCluster) async throws {
    let end = await cluster.end(of: process(part, place))
    guard end != .exited(0) || !FileManager.default.fileExists(atPath: place.report(part)) else { return }
    let log = (try? String(contentsOfFile: place.log(part), encoding: .utf8)) ?? ""
    throw RunError(
      code: "bench.scale-ended", message: "\(part.name) \(end): \(log.split(separator: "\n").last ?? "it says nothing")",
      advice: "give --keep and look into the .log files in \(place.path)")
  }

  private func process(_ part: ScalePart, _ place: ScaleFolder) -> LocalProcess {
    let (role, index): (Role, Int) =
      switch part {
      case .learner: (.learner, 0)
      case .scorer(let number): (.scorer, number)
      case .workers(let process): (.worker, process)
      }
    return LocalProcess(role: role, index: index, arguments: ["bench", "scale-part", place.path, part.name], environment: [:])
  }
}

extension ScalePlan {
  fileprivate var parts: [ScalePart] {
    [.learner] + (0..<scorers).map { .scorer($0) } + (0..<workerProcesses).map { .workers($0) }
  }
}
