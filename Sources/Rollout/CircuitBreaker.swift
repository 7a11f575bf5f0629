/// Stops asking a service that fails again and again: after some failures in a row nothing is sent for a cool-down, then
/// one probe; its success resumes, its failure begins a longer cool-down.
struct CircuitBreaker: Sendable {
  enum State: Sendable, Hashable {
    case closed(failures: Int)
    case open(until: Instant)
    /// A request asks whether the service is back; whatever else is still under way was sent before and does not count.
    case probing(UInt64)
  }

  /// What may be sent now.
  enum Admission: Sendable, Hashable {
    case everything
    case oneProbe
    case nothing
  }

  private let failures: Int
  private let longest: Duration
  private var coolDown: Backoff
  private(set) var state = State.closed(failures: 0)
  /// Since when the service has not answered; `nil` while it is thought to work.
  private(set) var downSince: Instant?
  /// What the service itself said about its return.
  private(set) var notBackBefore: Instant?

  init(failures: Int, first: Duration, longest: Duration, seed: UInt64) {
    self.failures = failures
    self.longest = longest
    coolDown = Backoff(first: first, ceiling: longest, seed: seed)
  }

  func admission(at now: Instant) -> Admission {
    switch state {
    case .closed: .everything
    case .open(let until): now >= until ? .oneProbe : .nothing
    case .probing: .nothing
    }
  }

  func isProbe(_ request: UInt64) -> Bool { state == .probing(request) }

  mutating func probe(with request: UInt64) {
    state = .probing(request)
  }

  /// - Returns: since when the service had been down, if this is its return.
  mutating func succeeded(_ request: UInt64) -> Instant? {
    switch state {
    case .closed:
      state = .closed(failures: 0)
      return nil
    case .open: return nil
    case .probing(let probe):
      guard probe == request else { return nil }
      defer { (downSince, notBackBefore) = (nil, nil) }
      coolDown.reset()
      state = .closed(failures: 0)
      return downSince
    }
  }

  /// - Returns: whether it opened.
  mutating func failed(_ request: UInt64, at now: Instant) -> Bool {
    switch state {
    case .closed(let before):
      state = .closed(failures: before + 1)
      guard before + 1 >= failures else { return false }
    case .open: return false
    case .probing(let probe): guard probe == request else { return false }
    }
    open(at: now, coolingFor: coolDown.next())
    return true
  }

  /// The service says that it is away.
  ///
  /// - Parameter absence: for how long; the cool-down does not exceed its own ceiling for it, since a wrong header must not
  ///   keep a scorer from asking for hours.
  /// - Returns: whether it opened.
  mutating func announced(_ absence: Duration, by request: UInt64, at now: Instant) -> Bool {
    // Nobody waits for a day; and no number from outside may overflow the clock.
    notBackBefore = now + min(absence, .seconds(86_400))
    switch state {
    case .closed: break
    case .open: return false
    case .probing(let probe): guard probe == request else { return false }
    }
    open(at: now, coolingFor: max(coolDown.next(), min(absence, longest)))
    return true
  }

  /// The probe was given up before it could say anything.
  mutating func lost(_ request: UInt64, at now: Instant) {
    guard isProbe(request) else { return }
    open(at: now, coolingFor: coolDown.next())
  }

  private mutating func open(at now: Instant, coolingFor wait: Duration) {
    state = .open(until: now + wait)
    downSince = downSince ?? now
  }
}
