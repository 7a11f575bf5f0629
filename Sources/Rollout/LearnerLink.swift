internal import Limits

/// A peer's side of its connection to the learner: hello until welcomed, heartbeats, and noticing silence.
///
/// Shared by workers and scorers. Hello is repeated with back-off, so a learner that is started later, or again, finds
/// its peers.
package struct LearnerLink: Sendable {
  package struct Settings: Sendable, Hashable {
    /// Silence after which the learner is greeted again; three heartbeats, if that is more.
    package var silence: Duration
    /// Silence after which, while it is greeted, the connections are made anew.
    package var renewal: Duration
    /// Time without a word from the learner after which the peer ends.
    package var giveUpAfter: Duration

    package init(
      silence: Duration, renewal: Duration = .seconds(Limits.standard.sockets.renewal), giveUpAfter: Duration
    ) {
      self.silence = silence
      self.renewal = renewal
      self.giveUpAfter = giveUpAfter
    }
  }

  enum Step {
    /// - Parameter connectingAnew: whether first the connections are to be given up and made again: something on the way may
    ///   have forgotten them, and they look alive from here.
    case sayHello(connectingAnew: Bool)
    case beat
    case giveUp(waited: Duration)
  }

  let settings: Settings
  let hello: Hello
  private(set) var incarnation: UInt32?
  private(set) var isWelcome = false
  private(set) var heartbeat: Duration = .seconds(1)
  /// Silence after which the learner is greeted again. It follows from the heartbeat, and is worked out with each welcome,
  /// because every event asks for it.
  private var patience: Duration
  private var lastHeard: Instant
  private var connectedAt: Instant
  private var nextHello: Instant
  private var nextBeat: Instant
  private var backoff: Backoff

  init(hello: Hello, settings: Settings, seed: UInt64, now: Instant) {
    self.hello = hello
    self.settings = settings
    patience = max(settings.silence, heartbeat * 3)
    lastHeard = now
    connectedAt = now
    nextHello = now
    nextBeat = now
    backoff = Backoff(first: .milliseconds(100), ceiling: .seconds(5), seed: seed)
  }

  var wakeAt: Instant { isWelcome ? nextBeat : nextHello }

  mutating func heard(at now: Instant) {
    lastHeard = now
  }

  mutating func welcomed(_ welcome: Welcome, at now: Instant) {
    isWelcome = true
    incarnation = welcome.incarnation
    heartbeat = max(welcome.heartbeat, .milliseconds(10))
    patience = max(settings.silence, heartbeat * 3)
    nextBeat = now
    backoff.reset()
  }

  /// The learner does not know this peer (any more).
  mutating func forgotten(at now: Instant) {
    guard isWelcome else { return }
    isWelcome = false
    nextHello = now
  }

  /// A heartbeat is due now, because something changed that the learner should know at once.
  mutating func beatSoon(at now: Instant) {
    nextBeat = now
  }

  mutating func step(at now: Instant) -> Step? {
    let silent = now - lastHeard
    if silent > settings.giveUpAfter { return .giveUp(waited: silent) }
    if isWelcome, silent > patience { forgotten(at: now) }
    if !isWelcome {
      guard now >= nextHello else { return nil }
      nextHello = now + backoff.next()
      let isDeaf = now - max(lastHeard, connectedAt) > settings.renewal
      if isDeaf { connectedAt = now }
      return .sayHello(connectingAnew: isDeaf)
    }
    guard now >= nextBeat else { return nil }
    nextBeat = now + heartbeat
    return .beat
  }
}
