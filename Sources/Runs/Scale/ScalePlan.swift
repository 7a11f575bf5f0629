internal import DurableFiles
internal import Foundation
internal import Limits
internal import Rollout
package import Settings

/// What the processes of one point of `sophia bench scale` are told: the same file for all of them.
///
/// Waits and limits are those of a run that says nothing about them (`RunSettings.Cluster`).
package struct ScalePlan: Sendable, Equatable, Codable {
  package var workers = 1
  package var scorers = 1
  /// Processes that hold the workers between them, each worker with a context, threads and connections of its own.
  package var workerProcesses = 1
  /// Groups that are made durable before anything is measured, and while it is.
  package var warmUp = 4000
  package var groups = 20_000
  /// Groups a second that all workers together begin; nil: each begins the next as soon as it has its lease.
  package var rate: Double?
  package var responses = 8
  package var tokens = 16
  package var cluster = RunSettings.Cluster()

  package init() {}

  /// With as many scorers as hold all groups that can be on their way at once: one that has `Limits.messages.waiting` of them
  /// drops what comes, and it comes again much later.
  package mutating func chooseScorers() {
    let each = Limits.standard.messages.waiting
    scorers = (promptsPerStep * (1 + Self.staleness) + each - 1) / each
  }

  // MARK: What follows from it

  /// Leases that all workers together hold at once.
  private var held: Int { workers * cluster.credit }

  /// As many as are out at once: there are as many more for everyone while a step waits for its last groups.
  var promptsPerStep: Int { max(256, held) }

  /// Steps that may be sampled ahead of the one that is trained.
  static let staleness = 1

  /// After what is measured workers run out of work; there is as much more as keeps that out of the measurement.
  var steps: Int { (warmUp + groups + 2 * promptsPerStep + promptsPerStep - 1) / promptsPerStep }

  /// All groups of the point.
  package var totalGroups: Int { steps * promptsPerStep }

  /// The workers of one process.
  func workers(of process: Int) -> Range<Int> {
    workers * process / workerProcesses..<workers * (process + 1) / workerProcesses
  }

  /// Seconds between two groups that a worker begins.
  var period: Double? { rate.map { Double(workers) / $0 } }

  var learnerSettings: LearnerSettings {
    LearnerSettings(
      totalSteps: UInt32(steps), promptsPerStep: promptsPerStep,
      admission: AdmissionRules(
        groupSize: responses, maximumResponseTokens: tokens, vocabularySize: ScaleTask.vocabulary, staleness: Self.staleness),
      leaseDuration: .seconds(cluster.leaseSeconds), heartbeat: .seconds(cluster.heartbeatSeconds),
      peerTimeout: .seconds(cluster.peerTimeoutSeconds), maximumAttempts: UInt32(cluster.maximumAttempts),
      checkpointEvery: 0, keepCheckpoints: 2, keepsGroups: true,
      hedgeAfter: cluster.hedgeAfter > 0 ? cluster.hedgeAfter : nil, shutdownGrace: .seconds(10),
      stallAfter: .seconds(cluster.stallWarningSeconds), endAfterStall: .seconds(60))
  }

  var link: LearnerLink.Settings { LearnerLink.Settings(silence: .seconds(3), giveUpAfter: .seconds(60)) }

  // MARK: On the disk

  static func file(in folder: String) -> String { "\(folder)/plan.json" }

  static func read(_ folder: String) throws -> ScalePlan {
    try JSONDecoder().decode(ScalePlan.self, from: Data(try DurableFiles.read(file(in: folder), limit: 1 << 20)))
  }

  func write(_ folder: String) throws {
    try DurableFiles.write([UInt8](try JSONEncoder().encode(self)), to: Self.file(in: folder))
  }
}

/// Where the files of one point lie, by which its processes find one another.
struct ScaleFolder: Sendable {
  let path: String

  var store: String { "\(path)/run.sqlite" }
  var keys: RunKeys { RunKeys(folder: "\(path)/keys") }
  /// The learner's control socket, once it listens.
  var endpoint: String { "\(path)/endpoint" }
  /// Groups that are durable so far.
  var progress: String { "\(path)/progress" }
  /// Made when every worker has joined and has the first weights: from then on they generate.
  var start: String { "\(path)/start" }
  /// Made by a process of workers when all of its own are.
  func ready(_ process: Int) -> String { "\(path)/ready-\(process)" }
  func report(_ part: ScalePart) -> String { "\(path)/\(part.name).json" }
  func log(_ part: ScalePart) -> String { "\(path)/\(part.name).log" }

  func write(_ report: some Encodable, of part: ScalePart) throws {
    try DurableFiles.write([UInt8](try JSONEncoder().encode(report)), to: self.report(part))
  }

  func report<Report: Decodable>(_ type: Report.Type, of part: ScalePart) throws -> Report {
    try JSONDecoder().decode(type, from: Data(try DurableFiles.read(report(part), limit: 1 << 30)))
  }

  /// Waits for a file that another process makes.
  ///
  /// - Throws: `RunError` if it is not there in time.
  func wait(for file: String, within limit: Duration = .seconds(120)) async throws {
    let deadline = ContinuousClock.now + limit
    while !FileManager.default.fileExists(atPath: file) {
      guard ContinuousClock.now < deadline else {
        throw RunError(
          code: "bench.scale-silent", message: "\(file) has not been made within \(limit)",
          advice: "look into the .log files beside it")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}

/// What a process of the benchmark is.
package enum ScalePart: Sendable, Hashable {
  case learner
  case scorer(Int)
  /// One that holds workers.
  case workers(Int)

  /// - Returns: nil for what is none.
  package init?(_ name: String) {
    let words = name.split(separator: "-")
    switch (words.first, words.count == 2 ? Int(words[1]) : nil) {
    case ("learner", nil) where words.count == 1: self = .learner
    case ("scorer", let number?): self = .scorer(number)
    case ("worker", let number?): self = .workers(number)
    default: return nil
    }
  }

  package var name: String {
    switch self {
    case .learner: "learner"
    case .scorer(let number): "scorer-\(number)"
    case .workers(let number): "worker-\(number)"
    }
  }
}
