/// One direction of one connection: what has come, what waits, and how it ends. No socket and no clock inside.
final class Flow {
  enum Ending {
    /// The sender has nothing more to say.
    case finished
    /// The sender's end is gone.
    case reset
  }

  private let draws: SeededDraws
  /// Bytes that have come, the place of the next one in the stream.
  private var received: UInt64 = 0
  /// The place up to which bytes have been counted as held.
  private var held: UInt64 = 0
  private var lastDue = MonotonicInstant(nanoseconds: 0)
  private(set) var ending: (kind: Ending, due: MonotonicInstant)?

  private(set) var waiting = WaitingBytes(limit: LinkLimits.waitingBytes)
  /// The end has been passed on.
  var isEnded = false
  /// Nobody is left to receive: what comes vanishes.
  private(set) var isReceiverGone = false

  init(draws: SeededDraws) {
    self.draws = draws
  }

  /// How much may be read from the sender.
  func room(_ condition: LinkCondition) -> Int {
    guard ending == nil else { return 0 }
    return isReceiverGone ? .max : max(0, condition.waitingLimit - waiting.count)
  }

  /// Takes note of bytes that have come and does to them what the condition says.
  ///
  /// - Returns: when they may go, and how many of them were changed.
  func arrive(
    _ bytes: UnsafeMutableRawBufferPointer, _ condition: LinkCondition, at now: MonotonicInstant
  ) -> (due: MonotonicInstant, corrupted: Int) {
    let corrupted = condition.corruption > 0 ? corrupt(bytes, condition.corruption) : 0
    let due = due(condition, at: now)
    received += UInt64(bytes.count)
    return (due, corrupted)
  }

  func keep(_ bytes: UnsafeRawBufferPointer, due: MonotonicInstant) {
    if !isReceiverGone { waiting.add(bytes, due: due) }
  }

  /// The first bytes have gone.
  func remove(_ count: Int) {
    waiting.remove(count)
  }

  /// The sender has ended; what it sent before goes first.
  func end(_ kind: Ending, _ condition: LinkCondition, at now: MonotonicInstant) {
    if ending == nil { ending = (kind, due(condition, at: now)) }
  }

  /// - Returns: how many bytes are newly kept back by a cut.
  func hold() -> Int {
    let newlyHeld = received - max(held, received - UInt64(waiting.count))
    held = received
    return Int(newlyHeld)
  }

  /// Bytes on their way take no longer than they would from now on.
  func change(to condition: LinkCondition, at now: MonotonicInstant) {
    let latest = now + max(.zero, condition.delay) + max(.zero, condition.jitter)
    waiting.hasten(to: latest)
    lastDue = min(lastDue, latest)
    if let ending { self.ending = (ending.kind, min(ending.due, latest)) }
  }

  func loseReceiver() {
    isReceiverGone = true
    waiting.removeAll()
  }

  /// - Returns: how many bytes there were.
  func discard() -> Int {
    defer { waiting.removeAll() }
    return waiting.count
  }

  private func due(_ condition: LinkCondition, at now: MonotonicInstant) -> MonotonicInstant {
    var due = now + condition.delay
    if condition.jitter > .zero {
      let share = draws.fraction(.jitter, received) * Double(condition.jitter.wholeNanoseconds)
      due.nanoseconds += UInt64(share)
    }
    lastDue = max(lastDue, due)
    return lastDue
  }

  private func corrupt(_ bytes: UnsafeMutableRawBufferPointer, _ chance: Double) -> Int {
    let size = UInt64(LinkLimits.blockBytes)
    let end = received + UInt64(bytes.count)
    var corrupted = 0
    for block in (received / size)...((end - 1) / size) where draws.fraction(.corruptsBlock, block) < chance {
      let place = block * size + draws.word(.corruptedByte, block) % size
      guard place >= received, place < end else { continue }
      bytes[Int(place - received)] ^= UInt8(1 + draws.word(.corruptedBits, block) % 255)
      corrupted += 1
    }
    return corrupted
  }
}
