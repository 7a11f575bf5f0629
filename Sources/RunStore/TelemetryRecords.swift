/// What is known of a run besides its ledger. Times are seconds since 1970 on the wall clock.

/// Something that people want to know of afterwards: a worker lost, a run that went on from a checkpoint.
package struct RunEvent: Sendable, Hashable {
  package enum Level: String, Sendable, Hashable, CaseIterable { case note, warning, error }

  package var level: Level
  /// Who speaks: `learner`, `worker-0`.
  package var source: String
  package var message: String
  /// When it was recorded; filled in by the recorder where nil.
  package var at: Double?

  package init(_ level: Level = .note, source: String, _ message: String, at: Double? = nil) {
    self.level = level
    self.source = source
    self.message = message
    self.at = at
  }
}

/// A process of the run. Recorded when it starts and again when it has ended.
package struct RunProcess: Sendable, Hashable {
  package var role: String
  /// Among those of its role, from 0.
  package var number: Int
  package var pid: Int32
  package var host: String
  package var startedAt: Double
  package var endedAt: Double?
  /// How it ended: `exit 0`, `signal 9`.
  package var exit: String?

  package init(
    role: String, number: Int, pid: Int32, host: String, startedAt: Double, endedAt: Double? = nil, exit: String? = nil
  ) {
    self.role = role
    self.number = number
    self.pid = pid
    self.host = host
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.exit = exit
  }
}

/// A part of the run: `data`, `warm start`, `trust-grpo`. One that was interrupted and taken up again has several.
package struct RunStage: Sendable, Hashable {
  package var name: String
  package var startedAt: Double
  /// By the monotonic clock.
  package var seconds: Double

  package init(name: String, startedAt: Double, seconds: Double) {
    self.name = name
    self.startedAt = startedAt
    self.seconds = seconds
  }
}

/// A greedy evaluation of one policy version on one data set.
package struct Evaluation: Sendable, Hashable {
  /// The name of the run's held-out rows.
  package static let heldOut = "held-out"

  /// Of the data set: `held-out`.
  package var name: String
  /// The policy version; 0 is the base policy.
  package var step: UInt32
  package var rows: Int
  /// Share of rows answered correctly.
  package var accuracy: Double
  /// Mean outcome reward.
  package var outcome: Double
  /// Mean thinking reward, where it was asked for.
  package var thinking: Double?

  package init(name: String, step: UInt32, rows: Int, accuracy: Double, outcome: Double, thinking: Double? = nil) {
    self.name = name
    self.step = step
    self.rows = rows
    self.accuracy = accuracy
    self.outcome = outcome
    self.thinking = thinking
  }
}

/// A held-out problem with what the policy answered before and after training.
package struct Example: Sendable, Hashable {
  package struct Answer: Sendable, Hashable {
    /// The whole response.
    package var text: String
    /// Outcome reward in [0, 1]; at least 0.5 is right.
    package var outcome: Double

    package init(text: String, outcome: Double) {
      self.text = text
      self.outcome = outcome
    }

    package var isRight: Bool { outcome >= 0.5 }
  }

  package var problem: String
  /// A whole PNG or JPEG file; nil for a text problem.
  package var image: [UInt8]?
  package var solution: String
  package var before: Answer
  package var after: Answer

  package init(problem: String, image: [UInt8]?, solution: String, before: Answer, after: Answer) {
    self.problem = problem
    self.image = image
    self.solution = solution
    self.before = before
    self.after = after
  }
}
