/// How a trace is written.
package enum Habit: String, Sendable, CaseIterable, Codable {
  /// Claims a result at a glance: `roughly 8 .`.
  case eyeballed
  /// Reads each bar it needs, then computes step by step: `red 5 . blue 3 . 5 + 3 = 8 .`.
  case careful
  /// Sure of itself instead of reading: `clearly surely 8 .`.
  case confident
}

/// The proportions in which the built-in data set is drawn. Other numbers make an easier or a harder base policy.
package struct DataMixture: Sendable, Equatable, Codable {
  /// Weight of each kind of question, in the order of `Question.Kind.allCases`.
  package var questions: [Double]
  /// Share of each habit among the traces to learn from, in the order of `Habit.allCases`.
  package var habits: [Double]
  /// Probability that a bar is misread by one, in the order of `Habit.allCases`.
  package var misreading: [Double]

  /// The demonstration's: a policy that learns from it eyeballs most of the time, and has something to learn.
  package static let standard = DataMixture(
    questions: [0.20, 0.20, 0.15, 0.20, 0.25], habits: [0.55, 0.20, 0.25], misreading: [0.20, 0.10, 0.20])

  /// More comparisons, which are right by luck more often, and careful readers who err more.
  package static let harder = DataMixture(
    questions: [0.10, 0.15, 0.10, 0.30, 0.35], habits: [0.40, 0.30, 0.30], misreading: [0.20, 0.15, 0.20])

  package func probability(ofMisreadingBy habit: Habit) -> Double {
    zip(Habit.allCases, misreading).reduce(0) { $1.0 == habit ? $1.1 : $0 }
  }
}
