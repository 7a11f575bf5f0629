internal import ActionableErrors

/// Why there are no rewards.
package struct RewardProgramError: ActionableError, Equatable {
  package let code: String
  package let message: String
  package let advice: String

  init(code: String, message: String, advice: String) {
    self.code = "reward-program.\(code)"
    self.message = message
    self.advice = advice
  }

  static let noCommand = RewardProgramError(
    code: "no-command", message: "the command of the reward program is empty",
    advice: "name an executable file, and its arguments, in rewards.program")

  /// - Parameter reason: what the system says.
  static func notStarted(_ command: String, _ reason: String) -> RewardProgramError {
    RewardProgramError(
      code: "not-started", message: "cannot start the reward program '\(command)': \(reason)",
      advice: """
        let the first word of rewards.program be an executable file, by its path or found in PATH, and see that the \
        interpreter that its first line names is there
        """)
  }

  static func noDescriptors(_ reason: String) -> RewardProgramError {
    RewardProgramError(
      code: "no-descriptors", message: "cannot open a pipe to the reward program: \(reason)",
      advice: "raise the limit on open files (ulimit -n)")
  }

  static func late(answers: Int, of requests: Int, after time: Duration) -> RewardProgramError {
    RewardProgramError(
      code: "late",
      message: """
        the reward program gave \(answers) of \(requests) answers of a call in \(time), and was killed; it is started again \
        with the next call
        """,
      advice: "make it faster or raise rewards.timeoutSeconds; it may have to flush its output after each line")
  }

  static func notAnAnswer(_ line: [UInt8], _ what: String) -> RewardProgramError {
    RewardProgramError(
      code: "not-an-answer", message: "the reward program was killed for a line that \(what): \(QuotedLine(line))",
      advice: """
        let it write one line {"id": N, "reward": R} or {"id": N, "error": "why"} for each request, R a number from 0 to 1, \
        and nothing else; what is meant for people belongs on standard error
        """)
  }

  static func badReward(_ line: [UInt8], _ what: String) -> RewardProgramError {
    RewardProgramError(
      code: "bad-reward", message: "the reward is \(what) in the reward program's line \(QuotedLine(line))",
      advice: "let it answer {\"id\": N, \"reward\": R} with a number R from 0 to 1, or {\"id\": N, \"error\": \"why\"}")
  }

  static func refused(id: UInt64, _ why: String) -> RewardProgramError {
    RewardProgramError(
      code: "refused", message: "the reward program has no reward for request \(id): \(QuotedLine(Array(why.utf8)))",
      advice: "see its own words, and its lines in the log")
  }

  static func ended(_ history: String) -> RewardProgramError {
    RewardProgramError(
      code: "ended", message: "the reward program \(history) before it had answered; it is started again with the next call",
      advice: "see its own words, and run it by hand with a line of its input")
  }

  /// - Parameter stream: "input" or "output".
  static func closed(_ stream: String) -> RewardProgramError {
    RewardProgramError(
      code: "closed", message: "the reward program closed its \(stream) without ending, and was killed",
      advice: "let it read requests until the end of its input and then end")
  }

  /// - Parameters:
  ///   - wait: until it may start again; nil if it never may.
  ///   - history: what became of it last, as in "ended with exit code 1".
  static func exhausted(_ limits: RewardProgramLimits, wait: Duration?, history: String) -> RewardProgramError {
    // In whole seconds, because nobody plans by less.
    let rest = wait.map { "not be again for \($0.components.seconds + 1) s" } ?? "never be again"
    return RewardProgramError(
      code: "exhausted",
      message: """
        the reward program was started again \(limits.restarts) times within \(limits.window.components.seconds) s and will \
        \(rest); last it \(history)
        """,
      advice: "run it by hand with a line of its input and mend it, or raise rewards.restarts")
  }

  static let undying = RewardProgramError(
    code: "undying", message: "the reward program has been killed and does not end",
    advice: "it hangs in the kernel, perhaps on a network disk that is gone: see ps and dmesg on this machine")

  static let stopped = RewardProgramError(
    code: "stopped", message: "the reward program has been stopped", advice: "make a new one")

  static let cancelled = RewardProgramError(
    code: "cancelled", message: "the call of the reward program was cancelled", advice: "call again")
}

/// A line as an error repeats it: cut, and without control characters.
struct QuotedLine: CustomStringConvertible {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  var description: String {
    let shown = String(decoding: bytes.prefix(RewardProgramLimits.quotedBytes), as: UTF8.self)
    let printable = String(shown.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "\u{FFFD}" : Character($0) })
    let rest = bytes.count - RewardProgramLimits.quotedBytes
    return "'\(printable)'" + (rest > 0 ? " and \(rest) more bytes" : "")
  }
}

extension RewardProgramError {
  /// Whether another call would meet the same until somebody changes a setting.
  package var isFinal: Bool {
    ["no-command", "not-started", "exhausted"].contains { code == "reward-program.\($0)" }
  }
}
