import DurableFiles
import Foundation
import Runs
import Settings
import Testing

/// What is written and submitted, with commands in the place of Slurm's that note what they are told. `cluster/slurm/try` does
/// the same, and everything that comes after it, with a Slurm.
final class SlurmSubmissionTests {
  private let folder: String
  private var run: String { "\(folder)/a run's 100%" }
  private var tools: String { "\(folder)/tools" }

  init() throws {
    folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    try DurableFiles.createFolder(tools)
  }

  deinit { try? DurableFiles.remove(folder) }

  /// `sbatch` gives out the numbers 101, 102, ..., and `squeue` lists what is in `queue`.
  private func installSlurm(refusing what: String = "nothing") throws {
    let tools = [
      "sbatch": """
        printf '%s\\n' "$*" >>'\(folder)/told'
        case "$*" in *\(what)*) echo 'sbatch: error: invalid partition specified: gpus' >&2; exit 1 ;; esac
        id=$((100 + $(wc -l <'\(folder)/told')))
        echo "PENDING $id 0" >>'\(folder)/queue'
        echo "$id;cluster"
        """,
      // As `scale` asks for it, and as the program does.
      "squeue": """
        case "$*" in *%T\\ %F*) cat '\(folder)/queue' ;; *) awk '{ print $2, $1 }' '\(folder)/queue' ;; esac
        """,
    ]
    for (name, text) in tools {
      try DurableFiles.write("#!/bin/bash\n\(text)\n", to: "\(self.tools)/\(name)")
      chmod("\(self.tools)/\(name)", 0o755)
    }
    for file in ["told", "queue"] { try DurableFiles.write("", to: "\(folder)/\(file)") }
  }

  private func submission(_ options: SlurmSubmission.Options = .init(), slurm: Bool = true) -> SlurmSubmission {
    var settings = RunSettings()
    settings.run.folder = run
    settings.cluster.workers = 3
    settings.cluster.scorers = 2
    settings.cluster.learnerThreads = 4
    settings.cluster.workerThreads = 2
    settings.cluster.bind = "tcp://0.0.0.0:5555"
    return SlurmSubmission(
      settings: settings, executable: "/opt/sophia", options: options, workingFolder: folder,
      path: slurm ? "\(tools):/usr/bin:/bin" : "\(tools)")
  }

  private func text(_ path: String) throws -> String { String(decoding: try DurableFiles.read(path), as: UTF8.self) }
  private func told() throws -> [Substring] { try text("\(folder)/told").split(separator: "\n") }

  @Test func scriptsSayWhatTheSettingsSay() throws {
    let all = SlurmSubmission.Options(partition: "gpu", all: ["--account=vision"], workers: ["--qos=scavenger"])
    try submission(all).write()
    let learner = try text("\(run)/slurm/learner.sbatch"), workers = try text("\(run)/slurm/workers.sbatch")
    for script in [learner, workers] {
      #expect(script.contains("\n#SBATCH \"--partition=gpu\"\n#SBATCH \"--account=vision\"\n"))
      #expect(script.contains("\n#SBATCH \"--chdir=\(folder)\"\n"))
      #expect(script.contains("\nexport SOPHIA=/opt/sophia\n"))
      // Whatever is for sbatch stands before the first command.
      let lines = script.split(separator: "\n")
      let first = try #require(lines.firstIndex { !$0.hasPrefix("#") })
      #expect(lines[first...].allSatisfy { !$0.hasPrefix("#SBATCH") })
    }
    #expect(learner.contains("\n#SBATCH \"--output=\(folder)/a run's 100%%/logs/learner-%j.log\"\n"))
    // Four threads, and one for each scorer.
    #expect(learner.contains("\n#SBATCH \"--cpus-per-task=6\"\n"))
    #expect(learner.contains("\nexport SOPHIA_PORT=5555\n"))
    #expect(!learner.contains("scavenger"))
    #expect(workers.contains("\n#SBATCH \"--qos=scavenger\"\n"))
    #expect(workers.contains("\n#SBATCH \"--cpus-per-task=2\"\n"))
    #expect(try text("\(run)/settings.json").contains("\"workers\" : 3"))
    #expect(FileManager.default.isExecutableFile(atPath: "\(run)/slurm/scale"))
  }

  @Test func aShellReadsThePathAsItIs() throws {
    try submission().write()
    for script in ["learner.sbatch", "workers.sbatch"] {
      let exports = try text("\(run)/slurm/\(script)").split(separator: "\n").filter { $0.hasPrefix("export ") }
      let shell = Process()
      shell.executableURL = URL(fileURLWithPath: "/bin/bash")
      shell.arguments = ["-c", exports.joined(separator: "\n") + "\nbash -n \"$SOPHIA_RUN/slurm/\(script)\" && printf %s \"$SOPHIA_RUN\""]
      let output = Pipe()
      shell.standardOutput = output
      try shell.run()
      #expect(String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == run)
      shell.waitUntilExit()
      #expect(shell.terminationStatus == 0)
    }
  }

  @Test func keysAreMadeOnce() throws {
    try submission().write()
    let files = ["learner", "workers.invite", "scorers.invite"].map { "\(run)/keys/\($0)" }
    let before = try files.map { try DurableFiles.read($0) }
    try submission().write()
    #expect(try files.map { try DurableFiles.read($0) } == before)
  }

  @Test func aRunThatWaitsOrRunsIsNotSubmittedAgain() throws {
    try installSlurm()
    #expect(try submission().submit() == .submitted(learner: "101", workers: ["102"], before: false))
    #expect(try told().count == 2)
    #expect(try told().last?.contains("--array=0-2") == true)
    #expect(try submission().submit() == .submitted(learner: "101", workers: ["102"], before: true))
    #expect(try told().count == 2)
    // Its jobs are gone, and the run is not complete.
    try DurableFiles.write("", to: "\(folder)/queue")
    #expect(try submission().submit() == .submitted(learner: "103", workers: ["104"], before: false))
  }

  @Test func workersThatWereRefusedAreSubmittedBesideTheLearnerThatIsThere() throws {
    try installSlurm(refusing: "--array")
    let refused = try #require(throws: RunError.self) { try submission().submit() }
    #expect(refused.code == "slurm.refused")
    #expect(refused.message.contains("the learner is job 101") && refused.message.contains("invalid partition specified: gpus"))
    let queue = try text("\(folder)/queue")
    try installSlurm()
    try DurableFiles.write(queue, to: "\(folder)/queue")
    try DurableFiles.write("a\nb\n", to: "\(folder)/told")
    #expect(try submission().submit() == .submitted(learner: "101", workers: ["103"], before: true))
  }

  @Test func whatIsWrongIsSaid() throws {
    let missing = try #require(throws: RunError.self) { try submission(slurm: false).submit() }
    #expect(missing.code == "slurm.missing" && missing.message.contains("squeue"))
    try installSlurm(refusing: "learner.sbatch")
    let refused = try #require(throws: RunError.self) { try submission().submit() }
    #expect(refused.code == "slurm.refused" && refused.message.contains("invalid partition specified: gpus"))
    for options in [["account=vision"], ["--account=vision\n--nodes=9"]] {
      let bad = try #require(throws: RunError.self) { try submission(.init(all: options)).write() }
      #expect(bad.code == "slurm.bad-option")
    }
  }
}
