internal import Limits
package import Rollout
internal import Synchronization

/// A log in which like warnings come at a bounded rate, because a peer that misbehaves chooses how often they are due.
///
/// Of each kind some are written at once and then one a second, which says how many were left out before it. Whatever is not a
/// warning is written as it is.
package final class PacedLog: Sendable {
  private struct Kind {
    /// Warnings that may be written at `since`.
    var allowance: Double
    var since: ContinuousClock.Instant
    var leftOut = 0
  }

  private let kinds = Mutex<[Substring: Kind]>([:])
  private let burst: Double
  private let write: @Sendable (LogLevel, String) -> Void

  /// Kinds that are told apart; others share one.
  private static let kindLimit = 64

  package init(
    burst: Int = Limits.standard.sockets.warnings, _ write: @escaping @Sendable (LogLevel, String) -> Void
  ) {
    self.burst = Double(burst)
    self.write = write
  }

  package func log(_ level: LogLevel, _ text: String) {
    guard level == .warning else { return write(level, text) }
    guard let leftOut = kinds.withLock({ kinds in pass(Self.kind(of: text, among: kinds), &kinds, at: .now) }) else { return }
    write(level, leftOut == 0 ? text : "\(text) (\(leftOut) more like it were left out)")
  }

  /// - Returns: how many have been left out since one was written; nil if this one is to be.
  private func pass(_ name: Substring, _ kinds: inout [Substring: Kind], at now: ContinuousClock.Instant) -> Int? {
    var kind = kinds[name] ?? Kind(allowance: burst, since: now)
    kind.allowance = min(burst, kind.allowance + (now - kind.since) / .seconds(1))
    kind.since = now
    defer { kinds[name] = kind }
    guard kind.allowance >= 1 else {
      kind.leftOut += 1
      return nil
    }
    kind.allowance -= 1
    defer { kind.leftOut = 0 }
    return kind.leftOut
  }

  /// How a warning begins: what follows names who and how much.
  private static func kind(of text: String, among kinds: [Substring: Kind]) -> Substring {
    let words = text.split(separator: " ", maxSplits: 3)
    let beginning = text[..<(words.count > 2 ? words[2].endIndex : text.endIndex)].prefix(48)
    return kinds[beginning] != nil || kinds.count < kindLimit ? beginning : ""
  }
}
