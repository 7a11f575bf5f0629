internal import DurableFiles
internal import Rollout

/// How each fault acts on the simulated world, and how it ends.
extension Simulation {
  func begin(_ index: Int) throws {
    let fault = plan[index]
    guard end == nil, !isCalm else { return }
    tell(.run) { "fault \(fault.kind.rawValue) on \(fault.target), for \(fault.duration) s, strength \(fault.strength)" }
    if fault.isForGood {
      if let target = processes.firstIndex(where: { $0.name == fault.target }) { broken.insert(target) }
    } else if fault.duration > 0 {
      post(.faultEnd(index), after: min(fault.duration, options.faults.calmAfter - now.seconds))
    }
    if fault.kind == .poison, let row = UInt32(fault.target) {
      poison.insert(row)
      return
    }
    guard let target = processes.firstIndex(where: { $0.name == fault.target }) else { return }
    switch fault.kind {
    case .kill: kill(target, fault)
    case .killInCheckpoint:
      let stage = CheckpointStage(rawValue: Int(fault.strength * 3.99)) ?? .write
      ambush = Ambush(moment: .checkpoint(stage), fault: index)
    case .pause: pause(target)
    case .replaced: try replaceLearner()
    case .slow: processes[target].slowness += 30 * fault.strength
    case .outOfMemory:
      guard processes[target].isUp else { return }
      fire(.outOfMemory)
      processes[target].credit = 1
      stop(target, restartAfter: options.restart)
    case .restartStorm:
      fire(.restartStorm)
      for process in processes.indices where processes[process].isUp && processes[process].visitor == nil {
        stop(process, restartAfter: options.restart)
      }
    case .hungEngine:
      let end = now + .seconds(fault.isForGood ? fault.duration : min(fault.duration, options.faults.calmAfter - now.seconds))
      processes[target].hungUntil = max(processes[target].hungUntil, end.nanoseconds)
    case .descriptors:
      processes[target].lacksDescriptors += 1
      for connection in connections(of: target) { breakConnection(connection) }
    case .oldVersion, .hostileMessage, .forgedRole, .foreignGroup: visit(fault.kind, index)
    case .lateJoiner:
      let number = processes.count { $0.role == .worker }
      let process = addProcess("worker-\(number)", .worker, number)
      fire(.lateJoiner)
      try start(process)
    case .disconnect: forEachDirection(of: target) { $0.breakage += 0.3 * fault.strength }
    case .highWaterMark:
      // A queue fills while nothing gets through.
      processes[target].outward.highWaterMark = 1
      processes[target].outward.cuts += 1
    case .delay: forEachDirection(of: target) { $0.delay += 60 * fault.strength }
    case .reorder: forEachDirection(of: target) { $0.delay += 2 }
    case .duplicate: forEachDirection(of: target) { $0.duplication += 0.5 * fault.strength }
    case .partition, .cutFrom, .cutTo: cut(target, fault.kind, true)
    case .slowLink: forEachDirection(of: target) { $0.slowness += 1000 * fault.strength }
    case .halfOpen:
      // The network's own heartbeats notice in the end.
      forEachDirection(of: target) { $0.swallows += 1 }
    case .reset: processes[target].resetsNext = true
    case .addressChange:
      fire(.addressChange)
      for connection in connections(of: target) { breakConnection(connection, pause: 3) }
    case .otherMachine:
      fire(.otherMachine)
      machine += 1
      stop(target, restartAfter: options.restart)
    case .powerLoss, .tornWrite: ambush = Ambush(moment: .journalUnsynced, fault: index)
    case .bitFlip: damageCheckpoint(fault)
    case .syncFailure: disk.failsNextSync = true
    case .diskFull: disk.isFull = true
    case .slowDisk: diskSlowness += 500 * fault.strength
    case .clockJump: wallOffset += 3600 * (fault.strength > 0.5 ? 1 : -1)
    case .clockRate:
      fire(.clockRate)
      processes[target].clock.setRate(0.7 + 0.6 * fault.strength, at: now)
    case .corruptMessage: forEachDirection(of: target) { $0.corruption += 0.3 * fault.strength }
    case .corruptChunk: forEachDirection(of: target) { $0.chunkCorruption += 0.5 * fault.strength }
    case .badGroup: spoiling[target, default: 0] += 0.5 * fault.strength
    case .replay: processes[target].outward.replays += 0.3 * fault.strength
    case .poison: break
    case .rateLimit, .serviceError, .serviceTimeOut, .garbageScore, .slowDrip, .changedScore:
      services.begin(fault.kind, strength: fault.strength)
    }
  }

  func cease(_ index: Int) throws {
    let fault = plan[index]
    guard let target = processes.firstIndex(where: { $0.name == fault.target }) else { return }
    switch fault.kind {
    case .pause: try goOn(target)
    case .replaced: try goOnStopped()
    case .slow: processes[target].slowness -= 30 * fault.strength
    case .descriptors: processes[target].lacksDescriptors -= 1
    case .disconnect: forEachDirection(of: target) { $0.breakage = max(0, $0.breakage - 0.3 * fault.strength) }
    case .reorder:
      forEachDirection(of: target) { $0.delay = max(0, $0.delay - 2) }
      for connection in connections(of: target) { breakConnection(connection, isLate: true, pause: 0.05) }
    case .highWaterMark:
      processes[target].outward.highWaterMark = nil
      processes[target].outward.cuts -= 1
      for connection in connections(of: target) { flush(connection) }
    case .delay:
      forEachDirection(of: target) { $0.delay = max(0, $0.delay - 60 * fault.strength) }
      // What is late by more than the network waits for an answer goes with its connection.
      let late = now.nanoseconds + UInt64(options.connectionTimeout * 1e9)
      for connection in connections(of: target)
      where max(connections[connection].forward.lastArrival, connections[connection].backward.lastArrival) > late {
        breakConnection(connection)
      }
    case .duplicate: forEachDirection(of: target) { $0.duplication = max(0, $0.duplication - 0.5 * fault.strength) }
    case .partition, .cutFrom, .cutTo: cut(target, fault.kind, false, after: fault.duration)
    case .slowLink:
      forEachDirection(of: target) {
        $0.slowness -= 1000 * fault.strength
        $0.freeAt = 0
      }
    case .halfOpen:
      forEachDirection(of: target) { $0.swallows -= 1 }
      for connection in connections(of: target) { breakConnection(connection) }
    case .powerLoss, .tornWrite, .killInCheckpoint: if ambush?.fault == index { ambush = nil }
    case .syncFailure: disk.failsNextSync = false
    case .diskFull: disk.isFull = false
    case .slowDisk: diskSlowness -= 500 * fault.strength
    case .clockJump: wallOffset -= 3600 * (fault.strength > 0.5 ? 1 : -1)
    case .clockRate: processes[target].clock.setRate(1, at: now)
    case .corruptMessage: forEachDirection(of: target) { $0.corruption = max(0, $0.corruption - 0.3 * fault.strength) }
    case .corruptChunk: forEachDirection(of: target) { $0.chunkCorruption = max(0, $0.chunkCorruption - 0.5 * fault.strength) }
    case .badGroup: spoiling[target] = nil
    case .replay: processes[target].outward.replays = max(0, processes[target].outward.replays - 0.3 * fault.strength)
    case .rateLimit, .serviceError, .serviceTimeOut, .garbageScore, .slowDrip, .changedScore:
      services.end(fault.kind, strength: fault.strength)
    case .kill, .outOfMemory, .restartStorm, .hungEngine, .oldVersion, .lateJoiner, .reset, .addressChange, .otherMachine,
      .bitFlip, .hostileMessage, .forgedRole, .foreignGroup, .poison:
      break
    }
  }

  private func forEachDirection(of process: Int, _ change: (inout LinkState) -> Void) {
    change(&processes[process].outward)
    change(&processes[process].inward)
  }

  // MARK: Processes

  private func kill(_ target: Int, _ fault: PlannedFault) {
    guard processes[target].isUp else { return }
    fire(.kill)
    stop(target, restartAfter: fault.isForGood ? nil : max(fault.duration, options.restart))
  }

  private func pause(_ target: Int) {
    guard processes[target].isUp else { return }
    fire(.pause)
    processes[target].pauses += 1
  }

  /// What has come meanwhile is taken in its order, all at once.
  private func goOn(_ target: Int) throws {
    guard processes[target].pauses > 0 else { return }
    processes[target].pauses -= 1
    guard processes[target].pauses == 0 else { return }
    let inbox = processes[target].inbox
    processes[target].inbox = []
    for event in inbox { queue.post(event, at: now) }
  }

  /// The learner stops where it is, and another takes its place.
  private func replaceLearner() throws {
    guard processes[0].isUp, processes[0].pauses == 0, let stopped = learner, stoppedLearner == nil else { return }
    tell(.run) { "the learner (incarnation \(stopped.incarnation)) stops, and is replaced" }
    // What it had under way on its disk goes on without it.
    stop(0, restartAfter: options.restart)
    stoppedLearner = stopped
  }

  /// The one that was replaced goes on where it stopped: it has lost its peers, and its journal.
  private func goOnStopped() throws {
    guard let stopped = stoppedLearner else { return }
    stoppedLearner = nil
    guard learner != nil else { return }
    var role = stopped.role
    for event in stopped.inbox + [.tick] {
      for action in role.receive(event, at: processes[0].clock.instant(at: now)) {
        // Its connections are gone, so only what it does to the disk could do harm; the journal refuses it.
        guard case .journal = action else { continue }
        guard judge.incarnation == stopped.incarnation else {
          fire(.replaced)
          tell(.run) { "the journal refuses a record of the learner that was replaced" }
          return
        }
      }
    }
    // It had nothing to say: its next record would be refused.
    if judge.incarnation > stopped.incarnation { fire(.replaced) }
  }

  // MARK: Calm

  /// Faults are over, and what was down comes back; but for some processes outside a healthy core, which stay as they are.
  func becomeCalm() throws {
    isCalm = true
    ambush = nil
    tell(.run) { "it is calm from here on" }
    for process in processes.indices where processes[process].visitor == nil && !broken.contains(process) {
      while processes[process].pauses > 0 { try goOn(process) }
    }
  }

  func isBroken(_ process: Int) -> Bool { broken.contains(process) }
}
