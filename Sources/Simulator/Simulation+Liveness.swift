internal import Rollout

/// What must come about once it is calm: progress, leases that end, newest versions, an end, and no more traffic than work.
extension Simulation {
  var watchInterval: Double { max(2, options.heartbeat) }

  /// How long nothing may happen while it is calm: a lease may have to run out, and be generated anew.
  private var bound: Double {
    options.leaseDuration + options.peerTimeout + 3 * options.secondsPerStep + 4 * options.heartbeat
  }

  func watch() throws {
    // A run that is measured may be as slow as its costs make it.
    guard measuring == nil else { return }
    post(.watch, after: watchInterval)
    guard isCalm, end == nil else {
      if end != nil { try watchFarewell() }
      return
    }
    let calmFor = now.seconds - options.faults.calmAfter
    guard calmFor > bound else { return }
    guard now.seconds - lastProgress.seconds < bound else {
      throw Violation("L1", "nothing was admitted or trained for \(Int(now.seconds - lastProgress.seconds)) s: \(standing)")
    }
    if let oldest = learner?.role.oldestLease {
      let age = (processes[0].clock.instant(at: now) - oldest).inSeconds
      guard age <= options.leaseDuration + 2 * options.heartbeat else { throw Violation("L2", "a lease has been out for \(Int(age)) s") }
    }
    try watchVersions()
    try watchTraffic()
  }

  /// L3
  private func watchVersions() throws {
    guard let version = learner?.role.version else { return }
    for process in processes.indices where isHealthyWorker(process) {
      let reached = processes[process].worker?.version
      let lag = version - min(version, reached ?? 0)
      if lag == 0 { behindSince[process] = nil }
      let since = behindSince[process] ?? now.seconds
      if lag > 0 { behindSince[process] = since }
      guard lag <= 2 || now.seconds - since < bound else {
        throw Violation("L3", "\(processes[process].name) is at version \(reached.map(String.init) ?? "none") of \(version)")
      }
    }
  }

  private func isHealthyWorker(_ process: Int) -> Bool {
    processes[process].role == .worker && processes[process].isUp && !isBroken(process) && processes[process].visitor == nil
  }

  /// L6
  private func watchTraffic() throws {
    let seconds = now.seconds - traffic.at
    defer { traffic = (now.seconds, tally.messages) }
    guard seconds > 0 else { return }
    let peers = Double(options.workers + options.scorers + 2)
    // Heartbeats with their answers, leases, groups and chunks, generously.
    let allowed = seconds * peers * (8 / options.heartbeat + 8) + peers * 60
    guard Double(tally.messages - traffic.messages) <= allowed else {
      throw Violation("L6", "\(tally.messages - traffic.messages) messages in \(Int(seconds)) calm seconds")
    }
  }

  /// L4
  private func watchFarewell() throws {
    guard now.seconds - endedAt.seconds > 90 else { return }
    let left = processes.indices.filter { processes[$0].isUp && processes[$0].role != .learner && !isBroken($0) && processes[$0].visitor == nil }
    guard left.isEmpty else {
      throw Violation("L4", "\(left.map { processes[$0].name }) are there still, 90 s after the run ended")
    }
  }
}
