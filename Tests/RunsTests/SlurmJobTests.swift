import DurableFiles
import Foundation
import Runs
import Settings
import Testing

/// What jobs do when a role ends, with a program that ends as it is told and with commands in the place of Slurm's.
final class SlurmJobTests {
  private let folder: String
  private var run: String { "\(folder)/run" }
  private var tools: String { "\(folder)/tools" }

  init() throws {
    folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    try DurableFiles.createFolder(tools)
    // Each role does what the file of its name says.
    try install("program", "echo \"$*\" >>'\(folder)/roles'; source '\(folder)/'$1")
    try install("srun", "while [[ $1 == -* ]]; do shift; done; exec \"$@\"")
    // A job that goes back to the queue is told to end.
    try install(
      "scontrol",
      """
      case $1 in
        show) echo 'NodeName=n1 NodeAddr=127.0.0.7 State=IDLE' ;;
        requeue) echo "requeue $2" >>'\(folder)/told'; kill -TERM $PPID ;;
      esac
      """)
    try install("scancel", "echo \"scancel $*\" >>'\(folder)/told'; touch '\(folder)/cancelled'")
    for role in ["learner", "scorer", "worker"] { try will(role, "exit 0") }
    var settings = RunSettings()
    settings.run.folder = run
    try SlurmSubmission(settings: settings, executable: "\(folder)/tools/program", workingFolder: folder, path: tools).write()
    try DurableFiles.write("learner 7\nworkers 8\n", to: "\(run)/slurm/jobs")
  }

  deinit { try? DurableFiles.remove(folder) }

  private func install(_ name: String, _ text: String) throws {
    try DurableFiles.write("#!/bin/bash\n\(text)\n", to: "\(tools)/\(name)")
    chmod("\(tools)/\(name)", 0o755)
  }

  private func will(_ role: String, _ text: String) throws { try DurableFiles.write(text, to: "\(folder)/\(role)") }
  private func listen() throws { try DurableFiles.write("tcp://127.0.0.7:5555\n99\n", to: "\(run)/learner.endpoint") }
  private func text(_ path: String) -> String { (try? DurableFiles.read(path)).map { String(decoding: $0, as: UTF8.self) } ?? "" }
  private var told: String { text("\(folder)/told") }
  /// The code with which the learner's job has ended the run; empty if the run is not over.
  private var ended: String { text("\(run)/slurm/ended") }
  private var starts: [Substring] { text("\(folder)/roles").split(separator: "\n") }

  /// Runs a job to its end.
  private func job(_ script: String, patience: Int = 60) throws -> (code: Int32, log: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["\(run)/slurm/\(script).sbatch"]
    process.environment = [
      "PATH": "\(tools):/usr/bin:/bin", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "job", "SLURMD_NODENAME": "n1",
      "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "0", "TMPDIR": folder, "SOPHIA_PATIENCE": "\(patience)",
    ]
    try DurableFiles.write("", to: "\(folder)/log")
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle(forWritingAtPath: "\(folder)/log")
    // Threads of tests block signals, and what they start would never hear of them.
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try process.run()
    try eventually("the job ends") { !process.isRunning }
    return (process.terminationStatus, text("\(folder)/log"))
  }

  @Test func aCompleteRunTakesWorkersFromTheQueue() throws {
    try listen()
    #expect(try job("learner").code == 0)
    #expect(ended == "0\n" && told.contains("scancel --quiet --state=PENDING 8"))
    #expect(starts.contains { $0.hasPrefix("learner \(run)/settings.json --bind tcp://127.0.0.7:0 --keys \(run)/keys") })
    #expect(starts.last == "report \(run)")
    #expect(text("\(run)/learner.endpoint").isEmpty)
  }

  @Test func aWrongSettingEndsTheRunAndIsNotTriedAgain() throws {
    try will("learner", "exit 78")
    #expect(try job("learner").code == 78)
    #expect(ended == "78\n" && starts.filter { $0.hasPrefix("learner") }.count == 1)
    #expect(try job("workers").code == 78)
    #expect(!starts.contains { $0.hasPrefix("worker") })
  }

  @Test func aRoleThatWasStoppedWithoutItsJobGoesBackToTheQueue() throws {
    try will("learner", "exit 75")
    #expect(try job("learner").code == 75)
    #expect(ended.isEmpty && told.contains("requeue 7"))
    try listen()
    try will("worker", "exit 75")
    try DurableFiles.remove("\(folder)/told")
    #expect(try job("workers").code == 75)
    #expect(told.contains("requeue 7"))
  }

  @Test func aRoleThatFailsIsStartedAgainForAWhile() throws {
    try will("learner", "exit 1")
    let said = try job("learner", patience: 2)
    #expect(said.code == 1 && ended == "1\n" && said.log.contains("so it has for 2 s"))
    #expect(2...4 ~= starts.filter { $0.hasPrefix("learner") }.count)
  }

  @Test func aScorerThatCannotDoItsWorkStopsTheLearner() throws {
    try will("learner", "echo tcp://127.0.0.7:5555 >'\(run)/learner.endpoint'; until [ -f '\(folder)/cancelled' ]; do sleep 0.1; done; exit 75")
    try will("scorer", "exit 78")
    let said = try job("learner")
    #expect(said.code == 78 && ended == "78\n" && said.log.contains("scorer 0 ended with code 78"))
    #expect(told.contains("scancel --signal=TERM 7"))
  }

  @Test func aWorkerSaysWhatItWaitsForInVain() throws {
    let said = try job("workers", patience: 1)
    #expect(said.code == 1 && starts.isEmpty)
    #expect(said.log.contains("\(run)/learner.endpoint, which it writes, is missing") && said.log.contains("job (7)"))
  }

  @Test func aWorkerFindsALearnerThatHasMoved() throws {
    try listen()
    // The first learner says goodbye; the next one, elsewhere, listens a little later, and ends the run.
    try will(
      "worker",
      """
      if [[ "$*" == *127.0.0.7* ]]; then
        (sleep 2; printf 'tcp://127.0.0.9:6666\\n12\\n' >'\(run)/learner.endpoint') >/dev/null 2>&1 &
      else
        echo 0 >'\(run)/slurm/ended'
      fi
      exit 0
      """)
    #expect(try job("workers").code == 0)
    #expect(starts.count == 2 && starts[1].hasPrefix("worker --join tcp://127.0.0.9:6666 --keys \(run)/keys/workers.invite"))
  }
}
