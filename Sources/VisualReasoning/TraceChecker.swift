/// What is wrong with a step.
package enum TraceFault: String, Sendable, CaseIterable, Codable {
  /// A bar is given a value that it does not have.
  case wrongReading = "wrong reading"
  /// A sum, difference or comparison does not hold.
  case wrongArithmetic = "wrong arithmetic"
  /// A result that does not follow from what the trace has established.
  case unsupportedLeap = "unsupported leap"
  /// Another language or notation than the rest, or words without meaning.
  case mixedWording = "mixed wording"
  /// A step that was there before, or a bar that nobody asked for.
  case repetition
}

/// How sound a trace is.
package struct TraceAssessment: Sendable, Equatable {
  /// One entry for each step, nil where it is correct.
  package let faults: [TraceFault?]
  /// How many of the bars that the question needs are read, rightly or not.
  package let barsRead: Int
  package let barsNeeded: Int

  /// (correct steps / steps) x (needed bars read / needed bars), 0 for a trace without steps.
  package var quality: Double {
    guard !faults.isEmpty else { return 0 }
    return Double(faults.count { $0 == nil } * barsRead) / Double(faults.count * barsNeeded)
  }

  /// The quality in tenths, as labels give it: 0, 0.1, ... 1.
  package var score: Double {
    (quality * 10).rounded() / 10
  }

  /// The kind of error that occurs most, the first of equals; nil for a trace without any.
  package var mainFault: TraceFault? {
    var main: (fault: TraceFault, count: Int)?
    for fault in TraceFault.allCases {
      let count = faults.count { $0 == fault }
      if count > main?.count ?? 0 { main = (fault, count) }
    }
    return main?.fault
  }
}

/// Judges the reasoning of a trace against the scene itself, step by step. Each step is judged on what was said before it: a
/// sum of misread bars is a correct sum. The answer is not looked at. Takes any text, in linear time.
package struct TraceChecker: Sendable {
  private let scene: Scene
  private let question: Question

  package init(scene: Scene, question: Question) {
    self.scene = scene
    self.question = question
  }

  package func assess(_ trace: Trace) -> TraceAssessment {
    var established = Established()
    let faults = trace.steps.map { worded -> TraceFault? in
      let fault = fault(of: worded.step, &established)
      return fault == nil && worded.isMixed ? .mixedWording : fault
    }
    return TraceAssessment(
      faults: faults, barsRead: question.needed.count { established.values[BarSet([$0])] != nil },
      barsNeeded: question.needed.count)
  }

  /// What the steps so far have established, right or wrong; what is said last holds.
  private struct Established {
    /// The number given for a bar, for the sum of several, or for the difference of the two that are asked for.
    var values: [BarSet: Int] = [:]
    var comparison: Comparison?
    var claims: Set<String> = []
  }

  /// Judges one step and adds what it says to what is established.
  private func fault(of step: TraceStep, _ established: inout Established) -> TraceFault? {
    switch step {
    case .reading(let colour, let value):
      let previous = established.values.updateValue(value, forKey: BarSet([colour]))
      if previous == value || !question.needed.contains(colour) { return .repetition }
      return scene.value(of: colour) == value ? nil : .wrongReading

    case .arithmetic(let left, let sign, let right, let result):
      let candidates = sums(of: left, sign, right, in: established)
      // Numbers may fit several bars, as in 5 + 0 = 5 and then 5 + 0 = 5 again: what is not yet established is meant.
      guard let bars = candidates.first(where: { established.values[$0] == nil }) ?? candidates.first
      else { return .unsupportedLeap }
      let previous = established.values.updateValue(result, forKey: bars)
      if previous == result { return .repetition }
      return result == (sign == .plus ? left + right : left - right) ? nil : .wrongArithmetic

    case .comparing(let left, let comparison, let right):
      guard case .comparison(let first, let second) = question,
        established.values[BarSet(first)] == left, established.values[BarSet(second)] == right
      else { return .unsupportedLeap }
      if established.comparison == comparison { return .repetition }
      established.comparison = comparison
      return Comparison(left, right) == comparison ? nil : .wrongArithmetic

    case .claim(let words, let result):
      guard established.claims.insert((words + [result]).joined(separator: " ")).inserted else { return .repetition }
      let known = question.isMultipleChoice
        ? established.comparison?.letter : established.values[BarSet(question.needed)].map(String.init)
      return words.isEmpty && result == known ? nil : .unsupportedLeap

    case .unknown:
      return .mixedWording
    }
  }

  /// The sets of bars, in a fixed order, for which `left sign right` computes something that the question asks for, from two
  /// numbers that are established.
  private func sums(
    of left: Int, _ sign: TraceStep.Sign, _ right: Int, in established: Established
  ) -> [BarSet] {
    let parts = BarSet.all.filter { established.values[$0] == left }
    let others = BarSet.all.filter { established.values[$0] == right }
    return parts.flatMap { part in
      others.filter { $0.isDisjoint(with: part) }.map { $0.union(part) }.filter { isAsked(sign, $0) }
    }
  }

  private func isAsked(_ sign: TraceStep.Sign, _ bars: BarSet) -> Bool {
    switch (question, sign) {
    case (.sum(let colours), .plus): bars.isSubset(of: BarSet(colours))
    case (.difference, .minus): bars == BarSet(question.needed)
    case (.comparison(let left, let right), .plus): bars.isSubset(of: BarSet(left)) || bars.isSubset(of: BarSet(right))
    default: false
    }
  }
}

/// A set of bars, by colour, one bit each.
private struct BarSet: OptionSet, Hashable {
  let rawValue: UInt8

  init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  init(_ colours: [BarColour]) {
    rawValue = colours.reduce(0) { bits, colour in
      bits | (BarColour.allCases.firstIndex(of: colour).map { 1 << UInt8($0) } ?? 0)
    }
  }

  /// Every set, in a fixed order.
  static let all = (0..<UInt8(1 << BarColour.allCases.count)).map(BarSet.init(rawValue:))
}
