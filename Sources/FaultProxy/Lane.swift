/// What the connections of a link share in one direction: the condition, the rate, and the next reset.
final class Lane: Resumable {
  let direction: LinkDirection
  private unowned let loop: EventLoop
  private(set) var condition = LinkCondition.clear
  /// Bytes until the connection that carries them is reset.
  private var bytesUntilReset: Int?
  private(set) var pauses = 0

  /// Bytes that may go now.
  private var tokens = 0.0
  private var filledAt = MonotonicInstant.now
  /// Connections with something to send, first come first served.
  private var line: ArraySlice<Connection> = []
  private var isPaused = false

  init(_ direction: LinkDirection, on loop: EventLoop) {
    self.direction = direction
    self.loop = loop
  }

  func set(_ condition: LinkCondition) {
    if condition.bytesPerSecond != self.condition.bytesPerSecond {
      (tokens, filledAt) = (0, .now)
      for connection in line { connection.leftLine(direction) }
      line = []
    }
    self.condition = condition
  }

  // MARK: Resets

  func reset(after bytes: Int?) {
    bytesUntilReset = bytes.map { max(0, $0) }
  }

  /// How many of `count` bytes may go before the connection is reset. Zero: it is to be reset instead.
  func allowance(_ count: Int) -> Int { min(count, bytesUntilReset ?? count) }

  /// - Returns: whether the connection that carried them is to be reset.
  func carried(_ count: Int) -> Bool {
    guard let left = bytesUntilReset else { return false }
    bytesUntilReset = left > count ? left - count : nil
    return bytesUntilReset == nil
  }

  // MARK: Rate

  /// `connection` has something to send and its turn comes.
  func enter(_ connection: Connection) {
    line.append(connection)
    if !isPaused { serve() }
  }

  func resume(tag: Int) {
    isPaused = false
    serve()
  }

  private func serve() {
    guard let bytesPerSecond = condition.bytesPerSecond else { return }
    let rate = Double(max(1, bytesPerSecond))
    let burst = max(1, rate / Double(LinkLimits.burstsPerSecond))
    let now = MonotonicInstant.now
    tokens = min(burst, tokens + now.seconds(since: filledAt) * rate)
    filledAt = now
    // Less is not worth a wake-up.
    let turn = min(burst, max(burst / 4, Double(LinkLimits.bytesInTurnOfRate)))
    while tokens >= turn, let connection = line.popFirst() {
      connection.leftLine(direction)
      tokens -= Double(connection.send(direction, atMost: Int(turn)))
    }
    guard !line.isEmpty, !isPaused else { return }
    isPaused = true
    pauses += 1
    loop.resume(self, tag: 0, at: now + .nanoseconds(Int64(((turn - tokens) / rate * 1e9).rounded(.up))))
  }
}
