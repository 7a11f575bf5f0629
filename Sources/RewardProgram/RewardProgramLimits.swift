internal import Limits

/// What a reward program may take.
package struct RewardProgramLimits: Sendable, Hashable {
  /// For all answers of a call, from when its requests go to the program, which may have to start first.
  package var time: Duration
  /// Of private, writable memory in each of its processes (RLIMIT_DATA); nil: no limit. A program sees its allocations fail.
  package var memoryBytes: Int?
  /// Starts after the first one within `window`.
  package var restarts: Int
  package var window: Duration
  /// From the program's end to its first restart in a window. Each further one waits twice as long, up to `longestDelay`.
  package var firstDelay: Duration
  package var longestDelay: Duration
  /// From the end of its input to its end, when it is stopped.
  package var farewell: Duration

  package init(
    time: Duration, memoryBytes: Int?, restarts: Int, window: Duration = .seconds(600),
    firstDelay: Duration = .milliseconds(100), longestDelay: Duration = .seconds(10), farewell: Duration = .seconds(2)
  ) {
    self.time = time
    self.memoryBytes = memoryBytes
    self.restarts = restarts
    self.window = window
    self.firstDelay = firstDelay
    self.longestDelay = longestDelay
    self.farewell = farewell
  }

  /// Bytes of an answer, without the line feed.
  package static let answerBytes = Limits.standard.texts.programAnswer
  /// Bytes of a line of standard error that are handed on; the rest of it is dropped.
  package static let logLineBytes = Limits.standard.texts.programError

  /// A program that closes its input or output is about to end; this is how long it is waited for.
  static let lingering = Duration.seconds(1)
  /// After SIGKILL. Longer takes only what hangs in the kernel, on a dead network disk for instance.
  static let dying = Duration.seconds(10)
  /// Lines of standard error that an error repeats.
  static let lastWords = 5
  /// Bytes of a line that an error repeats.
  static let quotedBytes = 200
  static let bytesReadAtOnce = 64 << 10
  /// Reads of one stream before others get their turn.
  static let readsInTurn = 16
}
