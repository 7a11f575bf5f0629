internal import DurableFiles
internal import Rollout
internal import TrustGRPO
internal import WeightDeltas
internal import Wire

/// What happens in a simulated cluster.
enum SimulatedEvent {
  /// A message comes out of a connection.
  case arrival(connection: Int, isForward: Bool, epoch: UInt32, Letter)
  /// A broken connection is tried again.
  case connect(connection: Int, epoch: UInt32)
  /// A process looks at its clock.
  case timer(process: Int, life: UInt32)
  /// An engine, or a disk, is done with something.
  indirect case worker(process: Int, life: UInt32, WorkerEvent)
  indirect case scorer(process: Int, life: UInt32, ScorerEvent)
  /// The reward service answers a scorer.
  indirect case service(process: Int, life: UInt32, RewardServiceEvent)
  indirect case learner(life: UInt32, LearnerEvent)
  /// The learner's loop is done with the event that it took last.
  case learnerLoop(life: UInt32)
  /// A job on shared cores may be done, if nothing has changed since this was planned.
  case cores(plan: UInt64)
  indirect case disk(life: UInt32, DiskStep)
  case start(process: Int, life: UInt32)
  case fault(Int)
  case faultEnd(Int)
  /// A fault that lay in wait strikes.
  case strike(Int)
  /// An intruder speaks.
  case visit(process: Int, Int)
  case calm
  /// The checks of liveness look.
  case watch
}

/// The role machines of a whole run on a virtual clock, in one thread, joined by a simulated network that carries the
/// bytes that real processes would send, over a simulated disk, with engines that cost time and compute hashes. All that
/// happens follows from the seed.
///
/// Where a service carries out an action (sockets, journal, trainer, engines), this does the same against the simulated
/// world; the machines that decide are those of a real run, unchanged.
package final class Simulation {
  let options: SimulationOptions
  let seed: UInt64
  let plan: [PlannedFault]
  let codec = Codec()
  let heartbeatFrame: Frame
  let journalFile: JournalFile
  let sampling: SimulatedSampling
  package var story: Story?

  // The world
  var queue = EventQueue<SimulatedEvent>()
  var now = Instant(nanoseconds: 0)
  /// The learner's is the first.
  var processes: [SimulatedProcess] = []
  var connections: [Connection] = []
  var disk = SimulatedDisk()
  var learner: SimulatedLearner?
  /// A learner that stopped and was replaced.
  var stoppedLearner: SimulatedLearner?
  var isCalm = false
  /// Of those whose content is known.
  var lettersRead = 0
  /// Where all processes run, if they share their cores.
  var sharedCores: SharedCores?
  var coresPlan: UInt64 = 0
  /// Of jobs on shared cores.
  var stretch: [Role: Measuring.JobSeconds] = [:]
  var learnerLoopSeconds = 0.0
  /// Of the journal's thread, without what it waited for the disk.
  var journalSeconds = 0.0
  var bytesFromLearner = 0.0
  /// What is measured of the run, if it is measured.
  var measuring: Measuring?
  /// How far the wall clock is off, in seconds; only the journal's time stamps show it.
  var wallOffset = 0.0
  /// On which machine the learner runs.
  var machine = 0
  var diskSlowness = 1.0
  /// What the next critical moment of the learner brings.
  var ambush: Ambush?
  var poison: Set<UInt32> = []
  var services = ServiceFaults()
  /// Chance that a scorer spoils a group, by process.
  var spoiling: [Int: Double] = [:]
  /// Checkpoints that a fault has changed.
  var damaged: Set<String> = []
  /// Processes outside the healthy core that stay broken when it is calm.
  var broken: Set<Int> = []

  // What is known of it
  var judge = LedgerJudge()
  /// Bytes of the journal that `judge` has taken.
  var judged = 0
  var acknowledged: [UnitID: LeaseID] = [:]
  /// The last life of the learner's process that spoke under each incarnation.
  var speakers: [UInt32: UInt32] = [:]
  /// The unit whose group was admitted under a lease.
  var admittedUnits: [LeaseID: UnitID] = [:]
  /// Leases of the steps trained last, oldest first; kept track of where the journal is not kept.
  var trainedLeases: [[LeaseID]] = []
  /// Weights of each version of the committed line, by version.
  var line: [UInt64: [UInt8]] = [0: SimulatedPolicy().bytes]
  /// Weights of versions that were taken back, oldest first.
  var formerLines: [UInt64: [[UInt8]]] = [:]
  var end: RunEnd?
  /// A process that was there when the end was last looked for.
  private var lingering = 0
  var endedAt = Instant(nanoseconds: 0)
  var lastProgress = Instant(nanoseconds: 0)
  var violation: Violation?
  /// That there has ever been.
  var newestVersion: UInt64 = 0
  /// Since when a worker samples from an old version, by process.
  var behindSince: [Int: Double] = [:]
  var traffic = (at: 0.0, messages: 0)
  var taskDigests: [UInt32: SHA256Digest] = [:]
  /// By version, as a worker put them together last.
  var assembled: [UInt64: AssembledWeights] = [:]
  var tally = SimulationTally()
  private var trace = TraceHash()
  /// The one model file of the run, which every peer fetches before it works.
  let artifact: Artifact
  let artifactBytes: [UInt8]

  package init(seed: UInt64, options: SimulationOptions, plan: [PlannedFault]) {
    self.seed = seed
    self.options = options
    self.plan = plan
    heartbeatFrame = codec.encode(.heartbeat)
    journalFile = JournalFile(codec: codec, settings: options.trustGRPO)
    sampling = SimulatedSampling(groupSize: options.groupSize)
    sharedCores = options.costs.cores.map {
      // What everyone takes all the time is not there for work.
      SharedCores(cores: max(0.05 * $0, $0 - options.costs.upkeepSeconds * Double(options.workers)))
    }
    artifactBytes = Array("{\"model_type\": \"simulated\"}".utf8)
    artifact = Artifact(path: "policy/config.json", byteCount: artifactBytes.count, digest: SHA256Digest(of: artifactBytes))
  }

  // MARK: The run

  /// Runs to the end, or to the first invariant that does not hold.
  package func run() -> SimulationReport {
    do {
      try setUp()
      while let (at, number, event) = queue.popFirst() {
        now = at
        tally.events += 1
        trace.mix(now.nanoseconds)
        trace.mix(number)
        try perform(consume event)
        if isOver { break }
        guard now.seconds < deadline else { throw Violation("L1", "the run has not ended after \(Int(now.seconds)) s: \(standing)") }
      }
      try checkEnd()
    } catch {
      violation = error as? Violation ?? Violation("none", "the simulation itself failed: \(error)")
      tell(.run) { "VIOLATION \(error)" }
    }
    return report
  }

  func setUp() throws {
    addProcess("learner", .learner, 0)
    for index in 0..<options.workers { addProcess("worker-\(index)", .worker, index) }
    for index in 0..<options.scorers { addProcess("scorer-\(index)", .scorer, index) }
    for index in processes.indices {
      // Nobody starts everything at the very same moment.
      post(.start(process: index, life: 0), after: index == 0 ? 0 : processes[index].random.uniform(0, options.tick))
    }
    for (index, fault) in plan.enumerated() { post(.fault(index), after: fault.at) }
    post(.calm, after: options.faults.calmAfter)
    post(.watch, after: watchInterval)
  }

  /// - Returns: its index.
  @discardableResult
  func addProcess(_ name: String, _ role: Role, _ number: Int) -> Int {
    let index = processes.count
    processes.append(
      SimulatedProcess(
        name: name, role: role, number: number, credit: options.credit,
        random: SimulationRandom(seed: seed, stream: 1, UInt64(index))))
    guard role != .learner else { return index }
    processes[index].control = addConnection(.control, client: index, server: 0)
    if role == .worker { processes[index].broadcast = addConnection(.broadcast, client: index, server: 0) }
    if role == .scorer { processes[index].scored = addConnection(.scored, client: index, server: 0) }
    return index
  }

  func perform(_ event: consuming SimulatedEvent) throws {
    switch consume event {
    case .arrival(let connection, let isForward, let epoch, let letter):
      try arrive(letter, by: connection, isForward: isForward, epoch: epoch)
    case .connect(let connection, let epoch): connect(connection, epoch)
    case .timer(let process, let life): try passTime(of: process, life)
    case .worker(let process, let life, let event):
      guard processes[process].life == life, processes[process].isUp else { return }
      if isHeldUp(process, by: .worker(process: process, life: life, event)) { return }
      try tellWorker(process, event)
    case .scorer(let process, let life, let event):
      guard processes[process].life == life, processes[process].isUp else { return }
      if isHeldUp(process, by: .scorer(process: process, life: life, event)) { return }
      try tellScorer(process, event)
    case .service(let process, let life, let event):
      guard processes[process].life == life, processes[process].isUp else { return }
      if isHeldUp(process, by: .service(process: process, life: life, event)) { return }
      try tellService(process, event)
    case .learner(let life, let event): try tellLearner(event, life: life)
    case .learnerLoop(let life): try passLoop(life)
    case .cores(let plan): try passCores(plan)
    case .disk(let life, let step): try perform(step, life: life)
    case .start(let process, let life):
      guard processes[process].life == life, processes[process].state == .down else { return }
      try start(process)
    case .fault(let index): try begin(index)
    case .faultEnd(let index): try cease(index)
    case .strike(let index): strike(index)
    case .visit(let process, let number): visit(process, number)
    case .calm: try becomeCalm()
    case .watch: try watch()
    }
  }

  // MARK: Time

  func post(_ event: consuming SimulatedEvent, after seconds: Double) {
    queue.post(event, at: now + .nanoseconds(Int64(max(0, seconds) * 1e9)))
  }

  private func passTime(of process: Int, _ life: UInt32) throws {
    guard processes[process].life == life, processes[process].isUp else { return }
    if isHeldUp(process, by: .timer(process: process, life: life)) { return }
    switch processes[process].role {
    case .worker:
      try tellWorker(process, .tick)
      post(.timer(process: process, life: life), after: options.tick)
    case .scorer:
      try tellScorer(process, .tick)
      if !processes[process].judging.isEmpty { try tellService(process, .tick) }
      post(.timer(process: process, life: life), after: options.tick)
    case .learner:
      guard let wakeAt = learner.map({ processes[process].clock.virtual($0.role.wakeAt) }) else { return }
      if now >= wakeAt {
        try tellLearner(.tick, life: life)
        post(.timer(process: process, life: life), after: options.heartbeat * 0.25)
      } else {
        queue.post(.timer(process: process, life: life), at: wakeAt)
      }
    case .observer: break
    }
  }

  /// Whether the process is stopped. What comes to it waits.
  func isHeldUp(_ process: Int, by event: @autoclosure () -> SimulatedEvent) -> Bool {
    guard processes[process].pauses > 0 else { return false }
    let event = event()
    // What arrives fills the sockets' buffers, and then is not taken from the network any more.
    if case .arrival = event, processes[process].inbox.count >= 4 * options.highWaterMark {
      fire(.highWaterMark)
    } else {
      processes[process].inbox.append(event)
    }
    return true
  }

  func tickSoon(_ process: Int) {
    post(.timer(process: process, life: processes[process].life), after: processes[process].random.uniform(0, options.tick))
  }

  // MARK: Ends

  /// Once the learner has ended the run and everyone who can has gone.
  private var isOver: Bool {
    guard end != nil else { return false }
    // Most of the time the one that was there last time is there still.
    if lingering < processes.count, isThere(lingering) { return false }
    guard let next = processes.indices.first(where: isThere) else { return true }
    lingering = next
    return false
  }

  private func isThere(_ process: Int) -> Bool {
    process != 0 && processes[process].isUp && processes[process].visitor == nil && !isBroken(process)
  }

  private var deadline: Double {
    options.faults.calmAfter + options.faults.patience + Double(options.steps) * options.secondsPerStep
  }

  var standing: String {
    let counts = UnitState.allCases.map { state in "\(learner?.role.ledger.count(state) ?? 0) \(state.rawValue)" }
    return "version \(learner?.role.version ?? 0) of \(options.steps), \(counts.joined(separator: ", "))"
  }

  private var report: SimulationReport {
    SimulationReport(
      seed: seed, traceHash: trace.value, virtualSeconds: now.seconds, events: tally.events,
      groups: .init(issued: judge.issued, trained: judge.trained, deadLettered: judge.deadLettered), faults: tally.fired,
      violations: violation.map { [$0] } ?? [], policy: judge.steps.last?.policy.description, tally: tally)
  }

  // MARK: Trace

  func note(_ frame: Frame) {
    frame.header.withUnsafeBytes { trace.mix($0) }
    frame.payload?.withUnsafeBytes { trace.mix($0) }
  }

  func fire(_ kind: FaultKind) {
    tally.fired[kind, default: 0] += 1
  }

  func tell(_ subject: Story.Subject, _ text: () -> String) {
    guard story != nil else { return }
    story?.add(text(), of: subject, at: now)
  }
}

extension Instant {
  var seconds: Double { Double(nanoseconds) * 1e-9 }
}

extension SimulationOptions {
  /// What an undisturbed step takes at most, with all that is generated for it one after the other on half the workers.
  var secondsPerStep: Double {
    let group =
      costs.prefillSeconds + (1 + costs.spread) * costs.responseTokens * Double(groupSize) / costs.tokensPerSecond
    let rounds = (2 * Double(promptsPerStep) / Double(max(workers, 1))).rounded(.up)
    let threads = costs.learnerThreads + workers * costs.workerThreads + scorers * costs.scorerThreads
    let crowding = costs.cores.map { max(1, Double(threads) / $0) } ?? 1
    return 2 + crowding * ( costs.stepSeconds + rounds * group + Double(promptsPerStep) * (costs.trainingSecondsPerGroup + costs.scoringSeconds))
  }
}
