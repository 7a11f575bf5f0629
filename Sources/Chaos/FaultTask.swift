internal import Foundation

/// One fault from its moment to its end.
struct FaultTask: Sendable {
  let number: Int
  let fault: Fault
  let stage: Stage

  /// - Returns: when the fault is over, or the task was cancelled because the run is.
  func run() async -> FaultRecord {
    var record = FaultRecord(fault, number: number)
    do {
      try await waitForMoment()
      let held = try await heldProcess()
      record.firedAt = stage.observer.now
      stage.say("fault \(number): \(fault)\(atPoint)")
      try await act(&record, held: held)
    } catch is CancellationError {
      if record.firedAt == nil {
        record.proof = ["the run was over before: it did not come to \(fault.when)"]
      } else if record.endedAt == nil {
        record.proof.append("the run was over before it acted")
      }
    } catch {
      record.proof.append("\(error)")
    }
    if record.firedAt != nil, record.endedAt == nil { record.endedAt = stage.observer.now }
    return record
  }

  private var name: String { fault.whom.processName }
  private var atPoint: String { if case .point = fault.when { " at \(fault.when)" } else { "" } }

  // MARK: Its moment

  private func waitForMoment() async throws {
    switch fault.when {
    case .start: return
    case .after(let time):
      while stage.observer.latest.admitted == 0 { try await pause() }
      let first = stage.observer.samples.first { $0.admitted > 0 }?.at ?? stage.observer.now
      try await Task.sleep(for: .seconds(max(0, first + time.inSeconds - stage.observer.now)))
    case .step(let step):
      while stage.observer.latest.step < step { try await pause() }
    case .point:
      while !stage.hasStruck(number) { try await pause() }
    }
  }

  /// The process that stopped itself at a protocol point, and waits there.
  private func heldProcess() async throws -> Int32? {
    guard case .point = fault.when, ![.kill, .judgeErrors].contains(fault.what) else { return nil }
    let pid = try await stage.board.running(name)
    // The file comes before the stop.
    while ProcessState.letter(of: pid) != "T" { try await pause() }
    return pid
  }

  private func pause() async throws { try await Task.sleep(for: .milliseconds(5)) }

  // MARK: What it does

  private func act(_ record: inout FaultRecord, held: Int32?) async throws {
    var held = held
    func letGo() {
      if let pid = held, fault.what != .stop { stage.processes.goOn(pid) }
      held = nil
    }
    defer { letGo() }
    switch fault.what {
    case .kill:
      if case .point = fault.when {
        keep(try await killedAtPoint(since: (record.firedAt ?? 0) - 1), in: &record)
      } else {
        keep(try await stage.processes.kill(name), in: &record)
      }
    case .stop:
      let (pid, proof) = try await stage.processes.stop(held, name)
      await lasts(&record) {
        let wasStopped = stage.processes.goOn(pid)
        return proof
          + (wasStopped ? .found("it was still stopped at the end") : .missing("it was not stopped any more at the end"))
      }
    case .pauseNetwork, .delay, .cut, .slow, .corrupt:
      let end = try stage.networkFault(fault, as: number)
      letGo()
      await lasts(&record, end)
    case .halfOpen:
      guard let links = stage.links else { return }
      keep(LinkFaults(links: links).freeze(name), in: &record)
    case .reset:
      guard let links = stage.links else { return }
      letGo()
      keep(try await LinkFaults(links: links).reset(name, after: fault.parameters.bytes), in: &record)
    case .diskFull:
      let end = stage.storage.fill()
      letGo()
      await lasts(&record, end)
    case .fsyncError:
      letGo()
      keep(try await stage.storage.failSync(), in: &record)
    case .damageCheckpoint: keep(try await stage.storage.damageCheckpoint(), in: &record)
    case .clockJump:
      let began = Date().timeIntervalSince1970
      try stage.clocks.set(name, to: fault.parameters.by)
      letGo()
      await lasts(&record) {
        defer { try? stage.clocks.set(name, to: .zero) }
        // The last words of a process that has been told to end are still on their way.
        usleep(300_000)
        return stage.clocks.proof(name, by: fault.parameters.by, window: began...Date().timeIntervalSince1970)
      }
    case .badMessages:
      letGo()
      keep(try await stage.messages.badMessages(fault.parameters.messages, as: number), in: &record)
    case .strangers:
      letGo()
      keep(try await stage.messages.strangers(fault.parameters.connections, as: number), in: &record)
    case .judgeErrors: keep(try await failures(), in: &record)
    case .badJudge:
      guard let judge = stage.judge else { return }
      let end = judge.begin(fault, as: number)
      letGo()
      await lasts(&record) { end() }
    }
  }

  /// The fault is over, and `proof` shows it.
  private func keep(_ proof: Proof, in record: inout FaultRecord) {
    record.endedAt = stage.observer.now
    record.isProven = proof.isFound
    record.proof += proof.lines
    stage.say("fault \(number): " + proof.lines.joined(separator: "; "))
  }

  /// The fault goes on for its length, or until the run is over, and is ended then.
  private func lasts(_ record: inout FaultRecord, _ end: () async -> Proof) async {
    if let length = fault.length {
      // What is there from the start begins to act with the process.
      if fault.when == .start { _ = try? await stage.board.running(name) }
      try? await Task.sleep(for: length)
    } else {
      while !Task.isCancelled { try? await Task.sleep(for: .milliseconds(50)) }
    }
    keep(await end(), in: &record)
  }

  private func killedAtPoint(since: Double) async throws -> Proof {
    for _ in 0..<1000 {
      if let end = stage.board.killed(name, by: SIGKILL, since: since) {
        return .found("process \(end.pid) \(end.end) at \(fault.when)")
      }
      usleep(5000)
    }
    return .missing("\(name) was not seen killed")
  }

  private func failures() async throws -> Proof {
    let log = RoleLog(path: "\(stage.folder.logs)/\(name).log")
    func proof() -> Proof {
      let count = stage.strikes(number)
      let line = log.lines().first { $0.contains("SOPHIA_FAULT lets it fail") }
      return Proof(
        isFound: count > 0 && line != nil,
        lines: ["scoring failed \(count) times"] + (line.map { ["its log says: \($0)"] } ?? []))
    }
    do {
      while stage.strikes(number) < fault.parameters.times { try await pause() }
      usleep(50_000)
    } catch {
      // The run is over: what has failed by now is what it was.
    }
    return proof()
  }
}
