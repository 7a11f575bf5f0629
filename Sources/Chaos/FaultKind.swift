internal import Rollout

/// What can be done to a cluster from outside.
package enum FaultKind: String, Sendable, CaseIterable, Codable {
  case kill, stop
  case pauseNetwork = "pause-network"
  case delay, cut
  case halfOpen = "half-open"
  case slow, corrupt, reset
  case diskFull = "disk-full"
  case fsyncError = "fsync-error"
  case damageCheckpoint = "damage-checkpoint"
  case clockJump = "clock-jump"
  case badMessages = "bad-messages"
  case judgeErrors = "judge-errors"
  case badJudge = "bad-judge"
  case strangers

  package enum Family: String, Sendable, CaseIterable, Codable {
    case process, network, storage, clock, data
    case rewardService = "reward service"
    case security
  }

  package var family: Family {
    switch self {
    case .kill, .stop: .process
    case .pauseNetwork, .delay, .cut, .halfOpen, .slow, .corrupt, .reset: .network
    case .diskFull, .fsyncError, .damageCheckpoint: .storage
    case .clockJump: .clock
    case .badMessages: .data
    case .judgeErrors, .badJudge: .rewardService
    case .strangers: .security
    }
  }

  /// What it does, for people who write plans.
  var meaning: String {
    switch self {
    case .kill: "SIGKILL; the process is started again as `sophia train` does it"
    case .stop: "SIGSTOP, and SIGCONT after `for`"
    case .pauseNetwork: "nothing passes on its links, in neither way; connections stay"
    case .delay: "every byte on its links is late by `delay`, and by up to `jitter` more"
    case .cut: "nothing passes one way: `way: out` is what the process sends, `in` what it is sent"
    case .halfOpen: "its connections go silent for good and neither end is told; new ones work"
    case .slow: "its links carry `rate` bytes a second together"
    case .corrupt: "in a share `share` of all blocks of 1,024 bytes on its links one byte is changed"
    case .reset: "a connection of it is reset once `bytes` more bytes have passed on it, in the middle of a message"
    case .diskFull:
      "the run folder's file system, a small one of its own, is filled to the last byte, and emptied after `for`"
    case .fsyncError: "the next fsync of the learner fails with EIO; the learner stops and the same command is given again"
    case .damageCheckpoint: "a bit of the newest checkpoint is flipped and the learner killed, so that it must read it"
    case .clockJump: "the wall clock of the process jumps by `by`, and back after `for` if that is given"
    case .badMessages: "a worker's key sends `messages` malformed messages to the learner"
    case .judgeErrors: "scoring fails `times` times in a row, as when the thinking-reward model breaks down"
    case .badJudge:
      "the judge, which the run has behind a chat endpoint then, answers a share `share` of requests in the manner `manner`"
    case .strangers: "`connections` connections without a registered key: rubbish, huge frames, silence"
    }
  }

  /// Whose process or links it may hit.
  var roles: [Role] {
    switch self {
    case .kill, .stop, .pauseNetwork, .delay, .cut, .halfOpen, .slow, .corrupt, .reset, .clockJump:
      [.worker, .scorer, .learner]
    case .diskFull, .fsyncError, .damageCheckpoint, .badMessages, .strangers: [.learner]
    case .judgeErrors, .badJudge: [.scorer]
    }
  }

  /// The keys that say how, with their defaults.
  var parameters: [FaultParameter] {
    switch self {
    case .delay: [.delay, .jitter]
    case .cut: [.way]
    case .slow: [.rate]
    case .corrupt: [.share]
    case .reset: [.bytes]
    case .clockJump: [.by]
    case .badMessages: [.messages]
    case .judgeErrors: [.times]
    case .badJudge: [.manner, .share]
    case .strangers: [.connections]
    case .kill, .stop, .pauseNetwork, .halfOpen, .diskFull, .fsyncError, .damageCheckpoint: []
    }
  }

  /// Whether it lasts for a time.
  var lasts: Lasting {
    switch self {
    case .stop, .pauseNetwork, .delay, .cut, .slow, .corrupt, .diskFull, .badJudge: .always
    case .clockJump: .ifAsked
    case .kill, .halfOpen, .reset, .fsyncError, .damageCheckpoint, .badMessages, .judgeErrors, .strangers: .never
    }
  }

  enum Lasting { case always, ifAsked, never }

  /// Whether it is done to links, by the proxy in front of them.
  var isOnLinks: Bool { family == .network }

  /// Whether network namespaces can do it in the place of the proxy.
  var worksInNamespaces: Bool {
    switch self {
    // A host has no way to the judge, which is on this one.
    case .delay, .halfOpen, .corrupt, .reset, .badMessages, .strangers, .badJudge: false
    default: true
    }
  }
}

/// A key of a fault that says how it is done.
enum FaultParameter: String, CaseIterable {
  case delay, jitter, way, rate, share, bytes, by, messages, times, connections, manner

  /// What it must be, for messages and help.
  var accepted: String {
    switch self {
    case .delay, .jitter: "a time such as 200 ms or 1.5 s"
    case .way: "in or out"
    case .rate: "bytes a second from 1000 on, such as 50000, 50 kB or 2 MB"
    case .share: "a number more than 0 and at most 1"
    case .bytes: "bytes from 0 on, such as 5000 or 20 kB"
    case .by: "a time such as 1 h, -90 s or 30 min"
    case .messages, .connections: "a whole number from 1 to 1000"
    case .times: "a whole number from 1 to 100"
    case .manner: Fault.Manner.allCases.map(\.rawValue).joined(separator: ", ")
    }
  }
}
