internal import Cluster
internal import Dashboard
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import Runs
internal import Settings

/// The run with the faults of a schedule, and everything put right at its end, however that comes.
struct DisturbedRun: Sendable {
  struct Result: Sendable {
    var end: String
    var isComplete: Bool
    var beganAt: Double
    var seconds: Double
    var faults: [FaultRecord]
    var samples: [RunObserver.Sample]
    var lives: [Verdict.Life]
    var notes: [String]
  }

  let schedule: FaultSchedule
  let settings: RunSettings
  let folder: ChaosFolder
  let executable: String
  let usesNamespaces: Bool
  let judge: JudgeFaults?
  let progress: TerminalProgress
  let interruption: Interruption

  func run() async throws -> Result {
    let disk = try prepareFolders()
    let run = RunFolder(folder.disturbed)
    var settings = settings
    settings.run.folder = run.path
    // One key more than there are workers: for the peer that sends rubbish.
    try RunKeys(folder: run.keys).create(scorers: settings.cluster.scorers, workers: settings.cluster.workers + 1)
    let will = try LastWill(path: "\(folder.state)/last-will")
    defer { will.execute() }
    let observer = RunObserver(run)
    let stage = try makeStage(run, observer, will, disk)
    defer {
      stage.links?.close()
      stage.hosts?.close(will)
    }
    let beganAt = Date().timeIntervalSince1970
    progress.print("now with \(schedule.faults.count) fault\(schedule.faults.count == 1 ? "" : "s") (\(run.path))")

    let watching = Task { await observer.run() }
    let following = Task { await stage.links?.follow(run) }
    let faults = schedule.faults.enumerated().map { index, fault in
      Task { await FaultTask(number: index + 1, fault: fault, stage: stage).run() }
    }
    // Before its processes are told to end: one that stands still could not hear it.
    interruption.onRequest { _ in for task in faults { task.cancel() } }
    let (end, notes) = await train(settings, stage)
    for task in faults { task.cancel() }
    var records: [FaultRecord] = []
    for task in faults { records.append(await task.value) }
    watching.cancel()
    following.cancel()
    await watching.value
    let seconds = observer.now
    let samples = observer.samples
    for index in records.indices { records[index].measureRecovery(samples) }
    try disk?.takeOut()
    if schedule.faults.contains(where: { $0.what == .clockJump }) { ClockFaults.sweep(stage.board.lives.map(\.pid)) }
    let lives = stage.board.lives.map { life in
      Verdict.Life(name: life.name, from: life.from, to: life.to ?? seconds, end: life.end ?? "")
    }
    return Result(
      end: end.text, isComplete: end.isComplete, beganAt: beganAt, seconds: seconds, faults: records, samples: samples,
      lives: lives,
      notes: notes)
  }

  // MARK: Preparation

  private func prepareFolders() throws -> SmallFileSystem? {
    for path in [folder.disturbed, folder.state, folder.logs, folder.verdict, folder.page] { try DurableFiles.remove(path) }
    try DurableFiles.createFolder(folder.state)
    guard schedule.faults.contains(where: { $0.what == .diskFull }) else { return nil }
    let disk = try SmallFileSystem(at: folder.disturbed)
    // What the processes say when it is full must find room.
    try DurableFiles.createFolder(folder.logs)
    try FileManager.default.createSymbolicLink(atPath: RunFolder(folder.disturbed).logs, withDestinationPath: folder.logs)
    return disk
  }

  private func makeStage(_ run: RunFolder, _ observer: RunObserver, _ will: LastWill, _ disk: SmallFileSystem?) throws
    -> Stage
  {
    let board = ProcessBoard { observer.now }
    let log = RoleLog(path: "\(run.logs)/learner.log")
    return Stage(
      observer: observer, board: board, links: usesNamespaces ? nil : LinkBoard(seed: schedule.seed),
      hosts: usesNamespaces ? try HostBoard(settings.cluster, will: will, process: getpid()) : nil,
      processes: ProcessFaults(board: board, will: will),
      storage: StorageFaults(folder: run, board: board, disk: disk, observer: observer, log: log),
      clocks: ClockFaults(folder: run, state: folder.state),
      messages: MessageFaults(folder: run, spareKey: "worker-\(settings.cluster.workers)", log: log, seed: schedule.seed),
      judge: judge, state: folder.state, folder: run
    ) { [progress] line in
      progress.print(String(format: "%6.2f s  ", observer.now) + line)
    }
  }

  // MARK: The run

  /// `sophia train`, given again where a fault makes the learner stop by itself, as a person would.
  private func train(_ settings: RunSettings, _ stage: Stage) async -> (
    end: (text: String, isComplete: Bool), notes: [String]
  ) {
    let wiring = ChaosWiring(schedule: schedule, stage: stage)
    var notes: [String] = []
    var patience = schedule.faults.count { $0.what.family == .storage }
    while true {
      do {
        let training = TrainingRun(
          settings: settings, executable: executable, progress: progress, interruption: interruption, wiring: wiring)
        switch try await training.run() {
        case .completed: return (("exit code 0" + (notes.isEmpty ? "" : ", after it was given again"), true), notes)
        case .interrupted: return (("interrupted", false), notes)
        case .stalled(let reason): return (("exit code \(RunExit.stalled): \(reason)", false), notes)
        }
      } catch {
        guard patience > 0, !interruption.isRequested else { return (("\(error)", false), notes) }
        patience -= 1
        notes.append("the learner stopped itself because of the disk, and the same command was given again: \(error)")
        stage.say("the learner stopped itself; the same command again")
        // Nobody would before there is room.
        while stage.storage.disk?.isFull == true, !interruption.isRequested { try? await Task.sleep(for: .milliseconds(50)) }
      }
    }
  }
}
