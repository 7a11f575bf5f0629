/// Bounds retries to a share of the answers, so that a service that is overloaded is not fed more of the same.
///
/// A bucket of tokens, one a retry: full at first, refilled by each answer in part and by time in whole tokens.
struct RetryBudget: Sendable {
  /// Thousandths, because a sum of ten tenths in floating point is less than one.
  private static let token = 1000

  private let capacity: Int
  private let earned: Int
  private let interval: Duration
  private var held: Int
  private var refilled: Instant

  init(floor: Int, share: Double, interval: Duration, now: Instant) {
    capacity = floor * Self.token
    earned = Int((share * Double(Self.token)).rounded())
    self.interval = interval
    held = capacity
    refilled = now
  }

  mutating func earn() {
    held = min(capacity, held + earned)
  }

  /// Takes what time has brought since the last call.
  mutating func refill(at now: Instant) {
    while held < capacity, now - refilled >= interval {
      held = min(capacity, held + Self.token)
      refilled = refilled + interval
    }
    // A full bucket gains nothing by waiting.
    if held == capacity { refilled = now }
  }

  mutating func spend() {
    held -= Self.token
  }

  var allowsRetry: Bool { held >= Self.token }

  /// When time alone will allow the next retry; `nil` if one is allowed already.
  var allowedAt: Instant? { allowsRetry ? nil : refilled + interval }
}
