package import Rollout

/// What happened to one unit of work or one process, in plain words.
package struct Story: Sendable {
  package enum Subject: Sendable, Hashable {
    case run
    case process(String)
    case unit(UnitID)
  }

  /// Whose story it is; nil: everybody's.
  private let subject: Subject?
  package private(set) var lines: [String] = []

  /// - Parameter text: `worker-3`, `learner`, a unit as `EPOCH/PROMPT`, or `all`.
  package init?(of text: String) {
    let parts = text.split(separator: "/").map { UInt32($0) }
    if text == "all" {
      subject = nil
    } else if parts.count == 2, let epoch = parts[0], let prompt = parts[1] {
      subject = .unit(UnitID(epoch: epoch, prompt: prompt))
    } else if ["learner", "worker-", "scorer-"].contains(where: { text.hasPrefix($0) }) {
      subject = .process(text)
    } else {
      return nil
    }
  }

  mutating func add(_ text: String, of subject: Subject, at now: Instant) {
    guard self.subject == nil || subject == self.subject || subject == .run else { return }
    let milliseconds = Int(now.seconds * 1000)
    let digits = String(milliseconds % 1000)
    let seconds = "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    lines.append(String(repeating: " ", count: max(0, 9 - seconds.count)) + seconds + " s  " + text)
  }
}
