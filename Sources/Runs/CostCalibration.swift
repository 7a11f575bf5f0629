internal import DurableFiles
internal import Foundation
internal import Rollout
internal import RunStore
package import Settings
package import Simulator

/// What the work of a real run cost, for simulating the same run with other numbers of workers.
///
/// Engines' seconds in the run file were taken on cores that processes may have shared. So the costs on cores of their own
/// are sought with which the simulator, at the settings of the run, gives the seconds that the run had. What is then left
/// of a synchronous step's time is put down to taking over the new version.
package struct CostCalibration: Sendable {
  /// One number that was taken from the run.
  package struct Finding: Sendable, Hashable {
    package let name: String
    /// The median, and the quartiles.
    package let value: Double
    package let low: Double
    package let high: Double
    package let unit: String
    /// Where it comes from.
    package let origin: String
  }

  /// The cluster of the run, its costs included.
  package private(set) var options: SimulationOptions
  package private(set) var findings: [Finding] = []
  package let settings: RunSettings
  /// Workers of the run, and the cores that its processes shared; nil if those are not known.
  package let workers: Int
  package let cores: Double?
  /// Responses a second of the run in its steady state: those of a step by the median time of one.
  package let responsesPerSecond: Double

  /// Steps at the start that are left out.
  static let warmUp = 3
  private static let fewestSteps = 10

  /// - Parameters:
  ///   - cores: that the processes of the run shared; nil: those of this machine, if the run was made here.
  ///   - link: bytes a second that are assumed of the link, as a run on one machine cannot tell.
  /// - Throws: `RunError` if the run is too short to tell.
  package init(_ folder: RunFolder, cores: Double? = nil, link: Double) throws {
    let reader = try RunReader(path: folder.store)
    let settings = try RunSettings(json: String(decoding: try DurableFiles.read(folder.settings, limit: 1 << 20), as: UTF8.self))
    let times = try reader.stepSeconds().filter { $0.step > UInt32(Self.warmUp) }
    guard times.count >= Self.fewestSteps else {
      throw RunError(
        code: "calibration.too-short",
        message: "\(folder.path) has \(times.count) steps after the first \(Self.warmUp), too few to tell what its work costs",
        advice: "give a run of at least \(Self.warmUp + Self.fewestSteps + 1) steps that one learner made")
    }
    let groups = try reader.groupCosts().filter { $0.step > UInt32(Self.warmUp) }
    guard !groups.isEmpty else {
      throw RunError(
        code: "calibration.no-groups", message: "\(folder.path) has kept no groups that say what generating costs",
        advice: "give a run that was made with run.keepGroups=true")
    }
    self.settings = settings
    let processes = try reader.processes()
    let isLocal = Set(processes.map(\.host)) == [ProcessInfo.processInfo.hostName]
    self.cores = cores ?? (isLocal ? Double(ProcessInfo.processInfo.activeProcessorCount) : nil)
    workers = max(1, Set(processes.filter { $0.role == "worker" }.map(\.number)).count)
    responsesPerSecond =
      Double(settings.rollout.promptsPerStep * settings.rollout.groupSize) / Quartiles(times.map(\.seconds)).median
    options = Self.cluster(settings, workers: workers)
    options.costs.linkBytesPerSecond = link
    try take(groups)
    try take(reader, folder)
    fit(times.map(\.seconds))
  }

  /// The run's settings, as the simulator names them.
  private static func cluster(_ settings: RunSettings, workers: Int) -> SimulationOptions {
    var options = SimulationOptions()
    options.workers = workers
    options.scorers = max(1, settings.cluster.scorers)
    options.credit = settings.cluster.credit
    options.promptsPerStep = settings.rollout.promptsPerStep
    options.groupSize = settings.rollout.groupSize
    options.staleness = settings.rollout.staleness
    options.rows = 4096
    options.checkpointEvery = UInt32(settings.run.checkpointEvery)
    options.heartbeat = settings.cluster.heartbeatSeconds
    options.leaseDuration = settings.cluster.leaseSeconds
    options.peerTimeout = settings.cluster.peerTimeoutSeconds
    options.costs.learnerThreads = settings.cluster.learnerThreads
    options.costs.workerThreads = settings.cluster.workerThreads
    options.costs.scorerThreads = settings.cluster.scorerThreads
    options.costs.latency = 0.0003
    options.costs.jitter = 0.0003
    options.costs.eventSeconds = CostModel.measuredEventSeconds
    return options
  }

  // MARK: From the run file

  private mutating func take(_ groups: [RunReader.GroupCost]) throws {
    let generation = note("generation", "s a group", "\(groups.count) groups", groups.map(\.generationSeconds))
    note("scoring", "s a group", "the same groups", groups.map(\.scoringSeconds))
    let length = note(
      "response", "tokens", "the same groups", groups.map { Double($0.tokens) / Double(max(1, $0.responses)) })
    options.costs.responseTokens = max(1, length.median)
    // Half of what is uniform in 1 - spread ... 1 + spread lies within spread / 2 of 1.
    options.costs.spread = generation.median > 0 ? min(0.95, (generation.high - generation.low) / generation.median) : 0
    options.costs.prefillSeconds = 0
  }

  private mutating func take(_ reader: RunReader, _ folder: RunFolder) throws {
    func metric(_ name: String) throws -> [Double] {
      try reader.series(of: name).filter { $0.step > UInt32(Self.warmUp) }.map(\.value).filter(\.isFinite)
    }
    let steps = "metric of \(try metric("seconds.update").count) steps"
    let update = note("update", "s a step", "\(steps), seconds.update", try metric("seconds.update"))
    let other = try zip(metric("seconds.export"), metric("seconds.delta")).map { $0 + $1 }
    options.costs.stepSeconds = note("export and delta", "s a step", "\(steps), seconds.export and seconds.delta", other).median
    options.costs.trainingSecondsPerGroup = update.median / Double(settings.rollout.promptsPerStep)
    let shares = try metric("delta.share")
    if !shares.isEmpty { options.costs.deltaShare = note("delta", "of the weights", "\(steps), delta.share", shares).median }
    let (bytes, origin) = try Self.policyBytes(folder, settings)
    options.costs.modelBytes = Double(bytes)
    note("policy", "bytes", origin, [Double(bytes)])
  }

  /// Bytes of the weights: those of the trained policy's files, or of the model that the run began with.
  private static func policyBytes(_ folder: RunFolder, _ settings: RunSettings) throws -> (Int, String) {
    for path in [folder.policy, settings.model.folder] {
      let files = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
      let sizes = files.filter { $0.hasSuffix(".safetensors") }.compactMap { name in
        (try? FileManager.default.attributesOfItem(atPath: "\(path)/\(name)"))?[.size] as? Int
      }
      if !sizes.isEmpty { return (sizes.reduce(0, +), path) }
    }
    throw RunError(
      code: "calibration.no-policy", message: "neither \(folder.policy) nor \(settings.model.folder) holds weights",
      advice: "give a run that is complete, or whose model folder is still there")
  }

  @discardableResult
  private mutating func note(_ name: String, _ unit: String, _ origin: String, _ values: [Double]) -> Quartiles {
    let quartiles = Quartiles(values)
    findings.append(
      Finding(
        name: name, value: quartiles.median, low: quartiles.low, high: quartiles.high, unit: unit, origin: origin))
    return quartiles
  }

  // MARK: Fitting

  private mutating func fit(_ times: [Double]) {
    func median(_ name: String) -> Double { findings.first { $0.name == name }?.value ?? 0 }
    let (generation, scoring, update, rest) = (median("generation"), median("scoring"), median("update"), median("export and delta"))
    var stretch = SteadyState.Stretch()
    options.costs.cores = cores
    options.costs.loadSeconds = 0
    let responses = Double(settings.rollout.promptsPerStep * settings.rollout.groupSize)
    for _ in 0..<6 {
      options.costs.tokensPerSecond =
        options.costs.responseTokens * Double(options.groupSize) / max(1e-6, generation / stretch.worker)
      options.costs.scoringSeconds = scoring / stretch.scorer
      options.costs.trainingSecondsPerGroup = update / stretch.learner / Double(options.promptsPerStep)
      options.costs.stepSeconds = rest / stretch.learner
      guard let state = simulated() else { return }
      stretch = state.stretch
      guard options.staleness == 0, state.responsesPerSecond > 0 else { continue }
      let missing = Quartiles(times).median - responses / state.responsesPerSecond
      options.costs.loadSeconds = max(0, options.costs.loadSeconds + missing)
    }
    if options.staleness == 0 {
      note("new version", "s to take over", "what is left of a step's time", [options.costs.loadSeconds])
    }
  }

  /// The run as the simulator has it.
  private func simulated() -> SteadyState? {
    var planning = Planning(base: options)
    planning.steps = 16
    return (try? planning.row(workers: workers, staleness: options.staleness))?.state
  }
}

/// The middle of some values, and what half of them lie between.
struct Quartiles {
  let low: Double
  let median: Double
  let high: Double

  /// Of nothing all are 0.
  init(_ values: [Double]) {
    let sorted = values.sorted()
    func at(_ share: Double) -> Double {
      guard let last = sorted.indices.last else { return 0 }
      let place = share * Double(last)
      let below = Int(place)
      let above = min(last, below + 1)
      return sorted[below] + (sorted[above] - sorted[below]) * (place - Double(below))
    }
    (low, median, high) = (at(0.25), at(0.5), at(0.75))
  }
}
