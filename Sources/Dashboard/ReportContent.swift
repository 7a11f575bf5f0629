package import RunStore

/// Everything a report shows, as plain values.
package struct ReportContent: Sendable {
  package enum Meaning: String, Sendable, Hashable, CaseIterable {
    case heldOutAccuracy, outcome, thinking, gamma, kl, entropy, length, throughput, other
  }

  /// One curve over training steps.
  package struct Curve: Sendable {
    package var meaning: Meaning
    /// Shown above the chart; for `other`, the metric's name.
    package var title: String
    package var points: [RunReader.Point]

    package init(_ meaning: Meaning, title: String = "", _ points: [RunReader.Point]) {
      self.meaning = meaning
      self.title = title
      self.points = points
    }
  }

  package struct Duration: Sendable, Hashable {
    package var name: String
    package var seconds: Double

    package init(_ name: String, _ seconds: Double) {
      self.name = name
      self.seconds = seconds
    }
  }

  package var title = "Trust-GRPO run"
  /// When the run's first process started, seconds since 1970.
  package var startedAt: Double?
  package var seed: String?
  /// Greedy accuracy on held-out rows before training and after it.
  package var baseAccuracy: Double?
  package var trainedAccuracy: Double?
  package var heldOutRows: Int?
  package var steps = 0
  package var groups = 0
  package var responses = 0
  package var responsesPerSecond: Double?
  package var policySHA256: String?
  package var curves: [Curve] = []
  /// The parts of the whole run, in their order.
  package var stages: [Duration] = []
  /// The parts of a training step, summed over the run.
  package var phases: [Duration] = []
  package var processes: [RunProcess] = []
  package var settings: [(name: String, value: String)] = []
  package var counts: [(state: String, units: Int)] = []
  /// What the audit of the ledger found wrong.
  package var problems: [String] = []
  package var examples: [Example] = []
  package var events: [RunEvent] = []

  package init() {}
}
