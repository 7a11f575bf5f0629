internal import DurableFiles
internal import Rollout
internal import Wire

/// A process of the simulated cluster: its role's machine, its clock, its engine and its link. The learner's machine
/// lies beside it in `SimulatedLearner`, because there can be two of them. An object, because it is too large to be copied.
final class SimulatedProcess {
  enum State: Equatable {
    case down
    case up
    /// With success: it is not started again.
    case ended
  }

  let name: String
  let role: Role
  /// Of its role, from 0.
  let number: Int
  /// Grows with each start; what an earlier life asked for is lost with it.
  var life: UInt32 = 0
  var state = State.down
  /// More than 0 while it is stopped; what comes waits in `inbox`.
  var pauses = 0
  var inbox: [SimulatedEvent] = []

  var worker: WorkerRole?
  var scorer: ScorerRole?
  /// A scorer's, for the service that judges thinking, and the groups that it judges.
  var service: RewardService?
  var judging: [LeaseID: ResponseGroup] = [:]
  var credit: Int
  /// Model files that it has on its disk: they outlive it.
  var files: Set<SHA256Digest> = []

  // Engine
  /// When the job that was added last will be done.
  var engineFreeAt: UInt64 = 0
  /// Where the cores are shared: the job that runs, and those that wait for it.
  var jobs: [EngineJob] = []
  /// Seconds of the jobs that are done; without shared cores, of all that were asked for.
  var busy = 0.0
  /// What the engine samples with.
  var weights: [UInt8] = []
  /// By how much it is slower than usual.
  var slowness = 1.0
  /// Until when a job that begins now does not end.
  var hungUntil: UInt64 = 0

  var clock = ProcessClock()
  var outward = LinkState()
  var inward = LinkState()
  var random: SimulationRandom

  // Connections, by index.
  var control = -1
  /// A worker's, for announcements.
  var broadcast = -1
  /// A scorer's, for scored groups.
  var scored = -1
  /// A worker's, one a scorer that it has pushed to, by the scorer's process.
  var pushes: [Int: Int] = [:]
  /// Which connection to the learner the control connection is: the learner knows the peer by it.
  var connectionNumber = 0
  /// As whom the learner knew it when a message came from it last, and by which connection that was.
  var knownAs: (connection: Int, peer: PeerID)?
  /// It can open no connection.
  var lacksDescriptors = 0
  /// The next message that it sends is cut off in the middle.
  var resetsNext = false

  /// By which fault it is cut off, if it is.
  var cutKind: FaultKind?

  /// Of which fault it is the actor, if it plays no role in the run.
  var visitor: FaultKind?

  init(name: String, role: Role, number: Int, credit: Int, random: SimulationRandom) {
    self.name = name
    self.role = role
    self.number = number
    self.credit = credit
    self.random = random
  }

  var isUp: Bool { state == .up }
}

/// The monotonic clock of a process, which may run fast or slow.
struct ProcessClock {
  private var anchor: UInt64 = 0
  private var local: UInt64 = 1_000_000_000
  private(set) var rate = 1.0

  func instant(at now: Instant) -> Instant {
    guard rate != 1 else { return Instant(nanoseconds: local &+ (now.nanoseconds &- anchor)) }
    return Instant(nanoseconds: local &+ UInt64(Double(now.nanoseconds &- anchor) * rate))
  }

  /// When this clock shows `instant`, at the present rate.
  func virtual(_ instant: Instant) -> Instant {
    guard instant.nanoseconds > local else { return Instant(nanoseconds: anchor) }
    let passed = instant.nanoseconds - local
    return Instant(nanoseconds: anchor &+ (rate == 1 ? passed : UInt64((Double(passed) / rate).rounded(.up))))
  }

  mutating func setRate(_ rate: Double, at now: Instant) {
    local = instant(at: now).nanoseconds
    anchor = now.nanoseconds
    self.rate = rate
  }
}

/// One direction of a process's link, as faults have left it.
struct LinkState {
  /// Nothing gets through while this is more than 0.
  var cuts = 0
  /// What is sent on a connection that exists vanishes while this is more than 0.
  var swallows = 0
  /// Seconds more than usual.
  var delay = 0.0
  /// Chance that the connection breaks behind a message, which is lost with it.
  var breakage = 0.0
  /// Chance that a message comes twice.
  var duplication = 0.0
  /// Chance that bytes of a message are changed.
  var corruption = 0.0
  /// Chance that bytes of a chunk's payload are changed.
  var chunkCorruption = 0.0
  /// Chance that a message is sent again much later.
  var replays = 0.0
  /// By how much it is slower than usual.
  var slowness = 1.0
  /// Messages that wait for a connection, where that is fewer than usual.
  var highWaterMark: Int?
  /// Until when bulk keeps it busy.
  var freeAt: UInt64 = 0

  /// Whether messages pass as they would without faults.
  var isPlain: Bool {
    breakage == 0 && duplication == 0 && corruption == 0 && chunkCorruption == 0 && replays == 0
  }
}

/// What a connection is for.
enum Plane: UInt8 {
  /// DEALER to ROUTER and back.
  case control
  /// PUB to SUB, from the learner.
  case broadcast
  /// PUSH to PULL, worker to scorer.
  case groups
  /// PUSH to PULL, scorer to learner.
  case scored
}

/// A connection between two processes; the client is the one that opens it, and opens it again.
struct Connection {
  let plane: Plane
  let client: Int
  let server: Int
  /// Grows when the connection breaks; what was under way on the one before is lost.
  var epoch: UInt32 = 0
  var isUp = false
  /// Whether what was under way on the connection before this one still comes, late.
  var lateEpoch: UInt32?
  var forward = Direction()
  var backward = Direction()

  struct Direction {
    /// A connection keeps the order.
    var lastArrival: UInt64 = 0
    /// What waits for the connection, or behind a cut.
    var waiting: [Letter] = []
  }
}

/// A message on its way. An object, because it is handed on many times.
final class Letter {
  let frame: Frame
  /// What the bytes were made from, unless they have been changed. Decoding what was encoded gives the message back, which
  /// the tests of the wire format show and which is tried again on every sixty-first letter; the others need not pay for it.
  let content: Message?
  /// Which connection of its sender it goes by; what arrives late still bears it.
  let number: Int
  /// Bytes that it counts for on a link.
  let size: Double

  enum Message: Equatable {
    case peer(PeerMessage)
    case learner(LearnerMessage)
    indirect case publication(Publication)
    indirect case group(ResponseGroup)
    indirect case scored(ScoredGroup)
  }

  init(frame: Frame, content: Message?, number: Int, size: Double) {
    self.frame = frame
    self.content = content
    self.number = number
    self.size = size
  }

  /// The same letter with other bytes.
  func changed(to frame: Frame) -> Letter { Letter(frame: frame, content: nil, number: number, size: size) }
}
