internal import Limits
internal import Rollout

/// A job of an engine, and what happens when it is done.
struct EngineJob {
  let seconds: Double
  let threads: Double
  let done: SimulatedEvent
}

/// Engines, which do one job after the other; those of one machine share its cores. And the learner's event loop, which
/// takes one event after the other.
extension Simulation {
  // MARK: Jobs

  /// Adds a job to the line of the process's engine.
  ///
  /// - Parameters:
  ///   - seconds: that it takes on cores of its own.
  ///   - done: happens at its end.
  func work(_ process: Int, _ seconds: Double, then done: consuming SimulatedEvent) {
    let slowed = seconds * processes[process].slowness
    guard sharedCores != nil else {
      let end = engineTime(process, seconds)
      processes[process].busy += slowed
      return queue.post(consume done, at: end)
    }
    let hung = Double(processes[process].hungUntil) - Double(now.nanoseconds)
    if hung > 0 { fire(.hungEngine) }
    let threads = Double(options.costs.threads(of: processes[process].role))
    processes[process].jobs.append(EngineJob(seconds: slowed + max(0, hung) * 1e-9, threads: threads, done: done))
    guard processes[process].jobs.count == 1 else { return }
    beginJob(of: process)
    awaitCores()
  }

  /// When a job that takes `seconds` is done, on an engine with cores of its own.
  private func engineTime(_ process: Int, _ seconds: Double) -> Instant {
    let begin = max(now.nanoseconds, processes[process].engineFreeAt)
    var end = begin + UInt64(seconds * processes[process].slowness * 1e9)
    if processes[process].hungUntil > begin {
      end += processes[process].hungUntil - begin
      fire(.hungEngine)
    }
    processes[process].engineFreeAt = end
    return Instant(nanoseconds: end)
  }

  private func beginJob(of process: Int) {
    guard let job = processes[process].jobs.first else { return }
    sharedCores?.add(of: process, threads: job.threads, seconds: job.seconds, at: now)
  }

  /// What was posted before about the next end holds no longer.
  private func awaitCores() {
    coresPlan += 1
    guard let end = sharedCores?.nextEnd else { return }
    queue.post(.cores(plan: coresPlan), at: end)
  }

  /// The next job of the machine may be done.
  func passCores(_ plan: UInt64) throws {
    guard plan == coresPlan else { return }
    guard let ended = sharedCores?.takeDone(at: now) else { return awaitCores() }
    if let thread = LearnerThread(rawValue: ended.process) {
      awaitCores()
      return try passThread(thread)
    }
    let seconds = (now - ended.began).inSeconds
    processes[ended.process].busy += seconds
    let job = processes[ended.process].jobs.removeFirst()
    stretch[processes[ended.process].role, default: .init()].took += seconds
    stretch[processes[ended.process].role, default: .init()].alone += job.seconds
    beginJob(of: ended.process)
    awaitCores()
    try perform(job.done)
  }

  /// A process that is gone leaves the cores to the others.
  func dropJobs(of process: Int) {
    guard sharedCores != nil else { return }
    processes[process].jobs = []
    sharedCores?.removeAll(of: process, at: now)
    if process == 0 {
      for thread in LearnerThread.allCases { sharedCores?.removeAll(of: thread.rawValue, at: now) }
    }
    awaitCores()
  }

  // MARK: The learner's threads

  /// Lets a thread of the learner work for `seconds` of a core, one piece of work after the other.
  ///
  /// - Returns: false if cores are not shared: it then takes just that long.
  func work(_ thread: LearnerThread, _ seconds: Double) -> Bool {
    guard sharedCores != nil else { return false }
    sharedCores?.add(of: thread.rawValue, threads: 1, seconds: seconds, at: now)
    awaitCores()
    return true
  }

  private func passThread(_ thread: LearnerThread) throws {
    guard let life = learner?.life else { return }
    switch thread {
    case .loop: try perform(.learnerLoop(life: life))
    case .journal: awaitSync()
    }
  }

  // MARK: What engines were used for

  /// Seconds until now in which the process's engine was busy.
  func busySeconds(of process: Int) -> Double {
    let busy = processes[process].busy
    guard sharedCores == nil else { return busy }
    let ahead = Double(processes[process].engineFreeAt) - Double(now.nanoseconds)
    return busy - max(0, ahead) * 1e-9
  }

  /// Seconds until now of the jobs that run, where cores are shared; `busySeconds` counts those that are done.
  func runningSeconds(of role: Role) -> Double {
    (sharedCores?.jobs ?? []).reduce(0) {
      $0 + ($1.process >= 0 && processes[$1.process].role == role ? (now - $1.began).inSeconds : 0)
    }
  }

  // MARK: The learner's loop

  /// Puts an event into the line of the learner's loop.
  ///
  /// - Returns: false if events cost nothing.
  func waitsForLoop(_ event: LearnerEvent) -> Bool {
    guard options.costs.eventSeconds > 0, learner != nil else { return false }
    learner?.loop.append(event)
    if learner?.loop.count == 1 { turnLoop(for: event) }
    return true
  }

  private func turnLoop(for event: LearnerEvent) {
    guard let life = learner?.life else { return }
    let seconds = loopSeconds(of: event)
    learnerLoopSeconds += seconds
    if !work(.loop, seconds) { post(.learnerLoop(life: life), after: seconds) }
  }

  /// A fetch of what stands for many chunks counts as many.
  private func loopSeconds(of event: LearnerEvent) -> Double {
    guard case .message(_, _, .fetch(let fetch)) = event else { return options.costs.eventSeconds }
    return options.costs.eventSeconds * max(1, bulk(of: fetch) / Double(Limits.standard.messages.chunk))
  }

  func passLoop(_ life: UInt32) throws {
    guard life == learner?.life, processes[0].isUp else {
      // It was replaced while it stood still: what it had not read waits for it.
      guard life == stoppedLearner?.life, let unread = stoppedLearner?.loop.takeAll() else { return }
      stoppedLearner?.inbox += unread
      return
    }
    if isHeldUp(0, by: .learnerLoop(life: life)) { return }
    guard let event = learner?.loop.takeFirst() else { return }
    if let next = learner?.loop.first { turnLoop(for: next) }
    try learnerTakes(event)
  }
}

/// What the learner has not read yet.
struct LoopLine {
  private var events: [LearnerEvent?] = []
  private var head = 0

  var count: Int { events.count - head }
  var first: LearnerEvent? { head < events.count ? events[head] : nil }

  mutating func append(_ event: LearnerEvent) { events.append(event) }

  mutating func takeFirst() -> LearnerEvent? {
    guard head < events.count else { return nil }
    let event = events[head].take()
    head += 1
    if head > 64, head * 2 > events.count {
      events.removeFirst(head)
      head = 0
    }
    return event
  }

  mutating func takeAll() -> [LearnerEvent] {
    let all = events[head...].compactMap { $0 }
    events = []
    head = 0
    return all
  }
}

extension CostModel {
  func threads(of role: Role) -> Int {
    switch role {
    case .learner: learnerThreads
    case .scorer: scorerThreads
    case .worker: workerThreads
    case .observer: 0
    }
  }
}
