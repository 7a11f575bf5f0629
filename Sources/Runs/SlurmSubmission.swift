internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import RunStore
package import Settings

/// A run as jobs of Slurm: one for the learner and its scorers, and an array of workers, one job each, that can be made longer
/// and shorter while the run goes on.
///
/// The scripts are those of `Slurm/`, which are part of the program; what a run needs goes into their heads, so that they can be
/// read, changed and submitted by hand as well.
package struct SlurmSubmission: Sendable {
  /// What `sbatch` is told besides what the settings say, such as `--account=vision`; one option each.
  package struct Options: Sendable {
    package var partition: String?
    /// For every job.
    package var all: [String]
    /// For workers alone, after the others: the last one of a kind wins.
    package var workers: [String]

    package init(partition: String? = nil, all: [String] = [], workers: [String] = []) {
      self.partition = partition
      self.all = all
      self.workers = workers
    }
  }

  package enum Outcome: Sendable, Equatable {
    /// Nothing was left to submit.
    case complete
    /// The job of the learner and the job arrays of workers; whether they had been submitted before.
    case submitted(learner: String, workers: [String], before: Bool)
  }

  private let settings: RunSettings
  private let folder: RunFolder
  private let executable: String
  private let options: Options
  private let workingFolder: String
  private let path: String

  /// - Parameters:
  ///   - executable: the program that jobs run; where every node finds it.
  ///   - workingFolder: what relative paths of the settings are relative to.
  ///   - path: where Slurm's commands are looked for.
  package init(
    settings: RunSettings, executable: String, options: Options = Options(),
    workingFolder: String = FileManager.default.currentDirectoryPath,
    path: String = ProcessInfo.processInfo.environment["PATH"] ?? ""
  ) {
    self.settings = settings
    folder = RunFolder(settings.run.folder)
    self.executable = executable
    self.options = options
    self.workingFolder = workingFolder
    self.path = path
  }

  // MARK: Files

  /// Writes the scripts to `RUN/slurm`, and makes keys in `RUN/keys` if they are missing: the learner's pair, an invite for all
  /// workers, and one for all scorers.
  package func write() throws {
    let lock = try folder.open(as: "slurm")
    defer { withExtendedLifetime(lock) {} }
    try writeFiles()
  }

  private func writeFiles() throws {
    let learner = try Self.script(PackageResources.learner_sbatch, with: learnerLines())
    let workers = try Self.script(PackageResources.workers_sbatch, with: workerLines())
    try folder.keep(settings)
    try makeKeys()
    for made in [scripts, folder.logs] { try DurableFiles.createFolder(made) }
    // Each takes the place of the one before as a whole: a shell reads its script while it runs.
    try DurableFiles.write(PackageResources.roles_sh, to: "\(scripts)/roles.sh")
    try DurableFiles.write(PackageResources.scale, to: scale)
    guard chmod(scale, 0o755) == 0 else { throw FileError("chmod", path: scale, errno: errno) }
    try DurableFiles.write(learner, to: learnerScript)
    try DurableFiles.write(workers, to: workerScript)
  }

  private func makeKeys() throws {
    let keys = RunKeys(folder: folder.keys)
    if !exists("\(folder.keys)/\(RunKeys.learnerName)") { _ = try keys.new(RunKeys.learnerName) }
    for (name, role) in [("workers", Role.worker), ("scorers", Role.scorer)] where !exists("\(folder.keys)/\(name).invite") {
      _ = try keys.invite(name, as: role, to: "\(folder.keys)/\(name).invite")
    }
  }

  private func learnerLines() throws -> [String] {
    let cluster = settings.cluster
    let port = cluster.bind.lastIndex(of: ":").map { cluster.bind[cluster.bind.index(after: $0)...] } ?? "0"
    return try head(
      "learner", log: "learner-%j.log", threads: cluster.learnerThreads + cluster.scorers * cluster.scorerThreads, options.all)
      + variables([
        ("LEARNER_THREADS", "\(cluster.learnerThreads)"), ("SCORERS", "\(cluster.scorers)"),
        ("SCORER_THREADS", "\(cluster.scorerThreads)"), ("PORT", String(port)),
        ("THINKING_MODEL", settings.thinking.kind == .local ? settings.thinking.folder : ""),
      ])
  }

  private func workerLines() throws -> [String] {
    try head("workers", log: "worker-%A_%a.log", threads: settings.cluster.workerThreads, options.all + options.workers)
      + variables([("CREDIT", "\(settings.cluster.credit)"), ("MODEL", settings.model.folder)])
  }

  private func head(_ job: String, log: String, threads: Int, _ further: [String]) throws -> [String] {
    let name = (folder.path as NSString).lastPathComponent
    // Slurm puts numbers and names in the place of %j and the like.
    let logs = folder.logs.replacing("%", with: "%%")
    var lines = [
      "--job-name=\(name)-\(job)", "--output=\(logs)/\(log)", "--chdir=\(workingFolder)", "--cpus-per-task=\(threads)",
    ]
    if let partition = options.partition { lines.append("--partition=\(partition)") }
    for option in further where !option.hasPrefix("-") {
      throw RunError(
        code: "slurm.bad-option", message: "'\(option)' is no option of sbatch",
        advice: "give one that begins with --, such as --account=vision")
    }
    return try (lines + further).map { line in
      guard !line.contains(where: \.isNewline) else {
        throw RunError(
          code: "slurm.bad-option", message: "a line end is in '\(line)', and would begin another line of the job's script",
          advice: "choose a name or an option without one")
      }
      return "#SBATCH \"\(line.replacing("\\", with: "\\\\").replacing("\"", with: "\\\""))\""
    }
  }

  private func variables(_ ofRole: [(String, String)]) -> [String] {
    ([("RUN", folder.path), ("", executable)] + ofRole).map { name, value in
      "export SOPHIA\(name.isEmpty ? "" : "_\(name)")=\(Self.quoted(value))"
    }
  }

  /// The script with the run's own lines in the place that it has for them.
  private static func script(_ bytes: [UInt8], with lines: [String]) throws -> String {
    let text = String(decoding: bytes, as: UTF8.self)
    guard let place = text.range(of: "# <<<\n") else { preconditionFailure("the script has no place for the run's own lines") }
    return text.replacingCharacters(in: place, with: (lines + ["# <<<", ""]).joined(separator: "\n"))
  }

  // MARK: Jobs

  /// Writes the files and submits what is not submitted yet. A learner that waits or runs stays the only one.
  package func submit() throws -> Outcome {
    let lock = try folder.open(as: "slurm")
    defer { withExtendedLifetime(lock) {} }
    if try isComplete() { return .complete }
    // The first that might be missing, before anything is written.
    let active = try activeJobs()
    try writeFiles()
    var learner = try recorded("learner").last { active.contains($0) }
    let before = learner != nil
    if learner == nil {
      // Workers that start before the learner does would take it for the end of this run.
      try DurableFiles.remove("\(scripts)/ended")
      let said = try run("sbatch", ["--parsable", learnerScript]) { said in
        RunError(
          code: "slurm.refused", message: "sbatch refused the learner's job: \(said)",
          advice: "what the job asks for is at the head of \(learnerScript); change it with --slurm-partition and --slurm-option")
      }
      // "12", or "12;cluster" where there are several.
      let id = String(said.prefix { $0.isNumber })
      try record("learner \(id)")
      learner = id
    }
    // Somebody may have scaled the workers of a run under way; but a submission that broke off in the middle has none at all.
    if try !before || recorded("workers").isEmpty {
      _ = try run("bash", [scale, folder.path, "\(settings.cluster.workers)"]) { said in
        RunError(
          code: "slurm.refused", message: "the learner is job \(learner ?? "") and stays, but there are no workers: \(said)",
          advice: "what they ask for is at the head of \(workerScript); give the same command again")
      }
    }
    let arrays = try recorded("workers")
    let alive = try activeJobs()
    return .submitted(learner: learner ?? "", workers: arrays.filter { alive.contains($0) }, before: before)
  }

  private func isComplete() throws -> Bool {
    guard exists("\(folder.policy)/config.json"), exists(folder.store) else { return false }
    return try RunReader(path: folder.store).latestStep()?.step == UInt32(settings.run.steps)
  }

  /// The jobs and job arrays of this user that wait or run.
  private func activeJobs() throws -> Set<String> {
    // Asked for a job that it has forgotten, squeue would fail. So it is asked for all, and the run's are picked out.
    let listed = try run("squeue", ["--noheader", "--user=\(NSUserName())", "--format=%F %T"]) { said in
      RunError(
        code: "slurm.unreachable", message: "squeue does not say which jobs there are: \(said)",
        advice: "see with `scontrol ping` whether Slurm answers; nothing was submitted")
    }
    return Set(
      listed.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        .filter { $0.count == 2 && $0[1] != "COMPLETING" }.map { $0[0] })
  }

  /// The numbers that `RUN/slurm/jobs` has for jobs of a kind, in the order of their submission.
  private func recorded(_ kind: String) throws -> [String] {
    guard exists(jobs) else { return [] }
    return String(decoding: try DurableFiles.read(jobs, limit: 1 << 20), as: UTF8.self).split(separator: "\n")
      .map { $0.split(separator: " ").map(String.init) }.filter { $0.count == 2 && $0[0] == kind }.map { $0[1] }
  }

  /// Appends: jobs and `scale` append to the same file.
  private func record(_ line: String) throws {
    let descriptor = open(jobs, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path: jobs, errno: errno) }
    defer { close(descriptor) }
    let bytes = Array("\(line)\n".utf8)
    guard Foundation.write(descriptor, bytes, bytes.count) == bytes.count else { throw FileError("write", path: jobs, errno: errno) }
  }

  /// Runs a tool to its end.
  ///
  /// - Parameter refused: the error for what it said when it failed.
  /// - Returns: what it printed.
  private func run(_ tool: String, _ arguments: [String], refused: (String) -> RunError) throws -> String {
    let places = path.split(separator: ":").map { "\($0)/\(tool)" }
    guard let found = places.first(where: { access($0, X_OK) == 0 }) else {
      throw RunError(
        code: "slurm.missing", message: "there is no \(tool) on the PATH, so no job can be submitted from here",
        advice: "give the command where jobs are submitted, or only write the files with --no-slurm-submit")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: found)
    process.environment = ProcessInfo.processInfo.environment.merging(["PATH": path]) { $1 }
    process.arguments = arguments
    process.standardInput = FileHandle.nullDevice
    // In a file: a pipe that nobody reads would hold up a tool that says much.
    let errors = "\(NSTemporaryDirectory())/sophia-\(tool)-\(getpid())-\(UUID().uuidString)"
    try DurableFiles.write("", to: errors)
    defer { try? DurableFiles.remove(errors) }
    process.standardError = FileHandle(forWritingAtPath: errors)
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let lines = String(decoding: try DurableFiles.read(errors), as: UTF8.self).split(separator: "\n").suffix(3)
      throw refused(lines.isEmpty ? "\(tool) ended with code \(process.terminationStatus)" : lines.joined(separator: "; "))
    }
    return printed
  }

  // MARK: What to do next

  /// What there is now and how to go on from it, for whoever gave the command.
  ///
  /// - Parameter outcome: nil if files alone were written.
  package func lines(_ outcome: Outcome?) -> [String] {
    let (cluster, run) = (settings.cluster, Self.quoted(folder.path))
    switch outcome {
    case nil:
      return [
        "written to \(scripts); nothing is submitted",
        "submit  sbatch \(Self.quoted(learnerScript)) && \(Self.quoted(scale)) \(run) \(cluster.workers)",
      ]
    case .complete: return ["the run in \(folder.path) is complete; nothing is submitted"]
    case .submitted(let learner, let workers, let before):
      let log = "\(folder.logs)/learner-\(learner).log"
      let scorers = cluster.scorers == 1 ? "1 scorer" : "\(cluster.scorers) scorers"
      let count = before ? "" : " (\(cluster.workers))"
      return [
        before ? "already submitted; nothing is submitted again" : "submitted",
        "learner and \(scorers): job \(learner)",
        workers.isEmpty ? "workers: none" : "workers: job \(workers.joined(separator: ", "))\(count)",
        "logs    \(log), scorer-NUMBER-\(learner).log, worker-JOB_INDEX.log",
        "watch   tail -F \(Self.quoted(log)); squeue --jobs=\(([learner] + workers).joined(separator: ","))",
        "scale   \(Self.quoted(scale)) \(run) N",
        "stop    scancel \(([learner] + workers).joined(separator: " ")); the same command goes on from the last checkpoint",
      ]
    }
  }

  /// One word for a shell.
  private static func quoted(_ text: String) -> String {
    let isPlain = text.utf8.allSatisfy {
      0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || "/._-+@%:".utf8.contains($0)
    }
    return isPlain && !text.isEmpty ? text : "'\(text.replacing("'", with: "'\\''"))'"
  }

  // MARK: Places

  private var scripts: String { "\(folder.path)/slurm" }
  private var learnerScript: String { "\(scripts)/learner.sbatch" }
  private var workerScript: String { "\(scripts)/workers.sbatch" }
  private var scale: String { "\(scripts)/scale" }
  private var jobs: String { "\(scripts)/jobs" }
  private func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
