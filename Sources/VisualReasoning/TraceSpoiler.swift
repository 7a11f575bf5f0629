/// Spoils sound traces in the five ways that a thinking-reward model is to notice: logic (leaps), correct reasoning (readings
/// and arithmetic), consistent language (mixed wording) and redundancy (repetition); errors that go unnoticed run through to
/// the end, as they do in thinking.
struct TraceSpoiler {
  let scene: Scene
  let question: Question

  /// A careful trace of this scene, spoilt once for each of `faults`.
  func trace(_ faults: [TraceFault], using random: inout SeededRandom) -> Trace {
    var seen = question.needed.map(scene.value(of:))
    let misread = faults.count { $0 == .wrongReading }
    for index in random.shuffled(Array(seen.indices)).prefix(misread) {
      let wrong = Scene.values.filter { $0 != seen[index] && abs($0 - seen[index]) <= 3 }
      seen[index] = random.element(of: wrong)
    }
    var trace = TraceWriter.careful(question, seen: seen)
    for fault in faults where fault == .wrongArithmetic { miscalculate(&trace, using: &random) }
    for fault in faults where fault == .unsupportedLeap { leap(&trace, using: &random) }
    for fault in faults where fault == .mixedWording { mix(&trace, using: &random) }
    for fault in faults where fault == .repetition { `repeat`(&trace, using: &random) }
    return trace
  }

  /// A computation goes wrong, and what builds on its result follows it.
  private func miscalculate(_ trace: inout Trace, using random: inout SeededRandom) {
    let places = trace.steps.indices.filter {
      switch trace.steps[$0].step {
      case .arithmetic, .comparing: true
      default: false
      }
    }
    guard !places.isEmpty else { return }
    let place = random.element(of: places)
    switch trace.steps[place].step {
    case .arithmetic(let left, let sign, let right, let result):
      let wrong = random.element(of: [-2, -1, 1, 2].map { result + $0 }.filter { $0 >= 0 })
      trace.steps[place].step = .arithmetic(left, sign, right, result: wrong)
      replace(result, by: wrong, after: place, in: &trace)
    case .comparing(let left, let comparison, let right):
      let wrong = random.element(of: Comparison.allCases.filter { $0 != comparison })
      trace.steps[place].step = .comparing(left, wrong, right)
      conclude(wrong, after: place, in: &trace)
    default:
      break
    }
  }

  /// The first later step that uses `number` uses `other` instead, and the rest follows from there.
  private func replace(_ number: Int, by other: Int, after place: Int, in trace: inout Trace) {
    for index in trace.steps.indices where index > place {
      switch trace.steps[index].step {
      case .arithmetic(number, let sign, let right, let result):
        trace.steps[index].step = .arithmetic(other, sign, right, result: result + other - number)
        return replace(result, by: result + other - number, after: index, in: &trace)
      case .comparing(let left, _, let right) where left == number || right == number:
        let (left, right) = left == number ? (other, right) : (left, other)
        trace.steps[index].step = .comparing(left, Comparison(left, right), right)
        return conclude(Comparison(left, right), after: index, in: &trace)
      default:
        continue
      }
    }
  }

  private func conclude(_ comparison: Comparison, after place: Int, in trace: inout Trace) {
    for index in trace.steps.indices where index > place {
      if case .claim(let words, _) = trace.steps[index].step {
        trace.steps[index].step = .claim(words: words, comparison.letter)
      }
    }
  }

  /// A step is left out, or a computation gives way to a claim.
  private func leap(_ trace: inout Trace, using random: inout SeededRandom) {
    guard trace.steps.count > 1 else { return }
    let place = random.below(trace.steps.count)
    switch trace.steps[place].step {
    case .arithmetic(_, _, _, let result) where random.chance(0.5):
      trace.steps[place].step = .claim(words: filler(using: &random), String(result))
    case .claim(let words, let result) where words.isEmpty:
      trace.steps[place].step = .claim(words: filler(using: &random), result)
    default:
      trace.steps.remove(at: place)
    }
  }

  private func filler(using random: inout SeededRandom) -> [String] {
    random.chance(0.5) ? [Wording.eyeballing] : [random.element(of: Wording.confidence)]
  }

  private func mix(_ trace: inout Trace, using random: inout SeededRandom) {
    let places = trace.steps.indices.filter {
      if case .claim = trace.steps[$0].step { return false }
      return !trace.steps[$0].isMixed
    }
    guard !places.isEmpty else { return }
    trace.steps[random.element(of: places)].isMixed = true
  }

  private func `repeat`(_ trace: inout Trace, using random: inout SeededRandom) {
    guard !trace.steps.isEmpty else { return }
    let place = random.below(trace.steps.count)
    let step = trace.steps[place]
    trace.steps.insert(step, at: random.chance(0.5) ? place : trace.steps.count)
  }
}
