/// A trace, what it is about, and how sound it is.
struct LabelledTrace {
  let sceneIndex: Int
  let question: Question
  let response: Response
  let assessment: TraceAssessment
}

/// Draws traces for a thinking-reward model to learn from, as many in each tenth of quality as in any other.
struct LabelledTraces {
  static let intervalCount = 10

  /// The interval that a quality falls in: [0, 0.1), [0.1, 0.2), ... [0.9, 1].
  static func interval(of quality: Double) -> Int {
    // Qualities are fractions; what is a whole number of tenths must not fall below it by rounding.
    min(intervalCount - 1, Int(quality * 10 + 1e-9))
  }

  let seed: UInt64
  let part: DataPart
  let mixture: DataMixture
  /// The scenes to draw from, by number.
  let scenes: [Scene]

  /// Traces in random order; each interval holds `count / 10`, the first ones one more where that leaves a rest.
  func draw(_ count: Int) -> [LabelledTrace] {
    var open = (0..<Self.intervalCount).map { count / Self.intervalCount + ($0 < count % Self.intervalCount ? 1 : 0) }
    var kept: [LabelledTrace] = []
    kept.reserveCapacity(count)
    var index = 0
    while kept.count < count {
      let candidate = candidate(index)
      index += 1
      let interval = Self.interval(of: candidate.assessment.quality)
      if open[interval] == 0 { continue }
      open[interval] -= 1
      kept.append(candidate)
    }
    var random = SeededRandom(seed: seed, purpose: part == .train ? .trainTraceOrder : .heldOutTraceOrder, index: 0)
    return random.shuffled(kept)
  }

  /// One in three is what a policy of the mixture would write; the others are careful traces, spoilt up to six times.
  func candidate(_ index: Int) -> LabelledTrace {
    var random = SeededRandom(seed: seed, purpose: .labelledTrace, index: BuiltInDataSet.stream(part, index))
    let sceneIndex = random.below(scenes.count)
    let scene = scenes[sceneIndex]
    let question = Question.draw(weights: mixture.questions, using: &random)
    let response: Response
    if random.chance(1.0 / 3) {
      let habit = Habit.allCases[random.index(weights: mixture.habits)]
      response = TraceWriter.response(
        to: question, on: scene, habit: habit, misreading: mixture.probability(ofMisreadingBy: habit), using: &random)
    } else {
      let faults = (0..<random.below(7)).map { _ in random.element(of: TraceFault.allCases) }
      let trace = TraceSpoiler(scene: scene, question: question).trace(faults, using: &random)
      response = Response(trace: trace, answer: trace.conclusion ?? question.answer(on: scene))
    }
    return LabelledTrace(
      sceneIndex: sceneIndex, question: question, response: response,
      assessment: TraceChecker(scene: scene, question: question).assess(response.trace))
  }
}

extension Trace {
  /// The last result that the trace states.
  var conclusion: String? {
    for worded in steps.reversed() {
      switch worded.step {
      case .arithmetic(_, _, _, let result): return String(result)
      case .claim(_, let result): return result
      default: continue
      }
    }
    return nil
  }
}
