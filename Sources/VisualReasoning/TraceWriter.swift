/// A whole response, as a policy gives it.
package struct Response: Sendable, Hashable {
  package let trace: Trace
  package let answer: String

  /// `<think>red 5 . blue 3 . 5 + 3 = 8 .</think><answer>8</answer>`
  package var text: String {
    "<think>\(trace)</think><answer>\(answer)</answer>"
  }
}

/// Writes traces in each habit.
enum TraceWriter {
  /// - Parameter misreading: probability that each bar is taken for one more or one less than it is.
  static func response(
    to question: Question, on scene: Scene, habit: Habit, misreading: Double, using random: inout SeededRandom
  ) -> Response {
    let seen = question.needed.map { misread(scene.value(of: $0), probability: misreading, using: &random) }
    let values = Dictionary(uniqueKeysWithValues: zip(question.needed, seen))
    let answer = question.answer { values[$0] ?? 0 }
    let trace =
      switch habit {
      case .careful: careful(question, seen: seen)
      case .eyeballed: Trace([.claim(words: [Wording.eyeballing], answer)])
      case .confident:
        Trace([.claim(words: (0..<2).map { _ in random.element(of: Wording.confidence) }, answer)])
      }
    return Response(trace: trace, answer: answer)
  }

  /// Every bar that is needed, then every computation.
  ///
  /// - Parameter seen: the value taken for each of `question.needed`.
  static func careful(_ question: Question, seen: [Int]) -> Trace {
    var steps = zip(question.needed, seen).map { TraceStep.reading($0, $1) }
    func sum(_ terms: ArraySlice<Int>) -> Int {
      var total = terms.first ?? 0
      for term in terms.dropFirst() {
        steps.append(.arithmetic(total, .plus, term, result: total + term))
        total += term
      }
      return total
    }
    switch question {
    case .sum:
      _ = sum(seen[...])
    case .difference:
      let (larger, smaller) = (max(seen[0], seen[1]), min(seen[0], seen[1]))
      steps.append(.arithmetic(larger, .minus, smaller, result: larger - smaller))
    case .comparison(let first, _):
      let (left, right) = (sum(seen[..<first.count]), sum(seen[first.count...]))
      let comparison = Comparison(left, right)
      steps += [.comparing(left, comparison, right), .claim(words: [], comparison.letter)]
    }
    return Trace(steps)
  }

  private static func misread(_ value: Int, probability: Double, using random: inout SeededRandom) -> Int {
    guard random.chance(probability) else { return value }
    if value == Scene.values.lowerBound { return value + 1 }
    if value == Scene.values.upperBound { return value - 1 }
    return random.chance(0.5) ? value + 1 : value - 1
  }
}
