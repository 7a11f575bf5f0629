package import DataSets
internal import Foundation

/// Responses like those of a policy in training, to measure how fast the rules judge them.
///
/// A response is about `responseLength` characters, which is 200 tokens: thinking, then an answer. Half of the answers are
/// right. Everything is drawn from fixed lists by a fixed rule, so that two measurements judge the same.
package struct RewardsBenchmark: Sendable {
  package struct Example: Sendable, Hashable {
    package let type: ProblemType
    package let response: String
    package let solution: String
  }

  /// What is judged in one measurement.
  package struct Workload: Sendable {
    package let name: String
    package let examples: [Example]

    /// Judges all examples once.
    ///
    /// - Returns: the sum of the rewards, which depends on every one of them.
    package func judged() -> Double {
      examples.reduce(0) { $0 + outcomeReward(response: $1.response, solution: $1.solution, type: $1.type) }
    }

    /// Judges all examples again and again on this thread for so long, after once to warm up.
    package func measured(seconds: Double) -> Measurement {
      var sum = judged()
      var rounds = 0
      let started = threadSeconds()
      var elapsed = 0.0
      repeat {
        sum = judged()
        rounds += 1
        elapsed = threadSeconds() - started
      } while elapsed < seconds
      return Measurement(
        name: name, responses: rounds * examples.count, processorSeconds: elapsed, meanReward: sum / Double(examples.count))
    }
  }

  package struct Measurement: Sendable {
    package let name: String
    package let responses: Int
    /// That the thread was running.
    package let processorSeconds: Double
    package let meanReward: Double

    package var responsesPerCoreSecond: Double { Double(responses) / processorSeconds }
  }

  package static let responseLength = 800
  /// Different responses of one kind.
  package static let variety = 240

  /// One workload for each problem type, one for free-form answers that take up half of the response, and all types in turn.
  package static var workloads: [Workload] {
    let each = ProblemType.allCases.map { type in
      Workload(name: type.rawValue, examples: (0..<variety).map { example(type, $0) })
    }
    let long = Workload(
      name: "free-form, long", examples: (0..<variety).map { number in
        let (answer, solution) = (sentences(number, words: 62), sentences(number + number % 2, words: 62))
        return Example(type: .freeForm, response: response(number, answer: answer), solution: "<answer>\(solution)</answer>")
      })
    let mixed = (0..<variety).flatMap { number in ProblemType.allCases.map { example($0, number) } }
    return each + [long, Workload(name: "mix of the types", examples: mixed)]
  }

  private static func example(_ type: ProblemType, _ number: Int) -> Example {
    let isRight = number % 2 == 0
    let (right, solution) = pairs(type, number)
    let answer = isRight ? right : pairs(type, number + 2).answer
    return Example(type: type, response: response(number, answer: answer), solution: "<answer>\(solution)</answer>")
  }

  private static func response(_ number: Int, answer: String) -> String {
    let frame = "<think></think>\n<answer></answer>".utf8.count
    var thinking = ""
    var round = number
    while frame + answer.utf8.count + thinking.utf8.count < responseLength {
      thinking += steps[round % steps.count] + (round % 3 == 0 ? "\n" : " ")
      round += 1
    }
    let length = max(0, responseLength - frame - answer.utf8.count)
    return "<think>\(thinking.prefix(length))</think>\n<answer>\(answer)</answer>"
  }

  /// A right answer and the solution that it answers.
  private static func pairs(_ type: ProblemType, _ number: Int) -> (answer: String, solution: String) {
    let n = number + 2
    switch type {
    case .numerical:
      return [
        ("\(n)", "\(n)"), ("\(n).50", "\(n).5"), ("\(n),\(100 + n % 900)", "\(n)\(100 + n % 900)"),
        ("\\frac{\(n)}{7}", "\(n)/7"),
        ("\(n) cm", "\(n)"), ("x = \(n)", "\(n)"), ("\(n)%", "\(n)"), ("\(n)\\sqrt{3}", "\(n)\\sqrt{3}"),
        ("\\boxed{\(n)\\pi}", "\(n)\\pi"), ("(\(n), \\frac{1}{2})", "(\(n),0.5)"), ("$\(n)^\\circ$", "\(n)"),
        ("2\\sqrt{\(n)}", "\\sqrt{\(4 * n)}"),
      ][number / 2 % 12]
    case .multipleChoice:
      let letter = ["A", "B", "C", "D"][number / 2 % 4]
      return [
        (letter, letter), ("(\(letter))", letter), ("\(letter). the taller bar", letter), ("\(letter), E", "\(letter),E"),
        ("The answer is \(letter)", letter),
      ][number / 2 % 5]
    case .opticalCharacters: return (sentences(number, words: 12), sentences(number, words: 12))
    case .freeForm: return (sentences(number, words: 13), sentences(number, words: 14))
    case .text:
      let (first, second) = (words[n % words.count], words[n * 7 % words.count])
      return ("\(first.uppercased())  \(second).", "\(first) \(second)")
    }
  }

  private static func sentences(_ number: Int, words count: Int) -> String {
    (0..<count).map { index in
      let word = words[(number * 31 + index * (number % 11 + 3)) % words.count]
      return index % 12 == 0 ? word.capitalizedASCII : index % 12 == 11 ? word + "." : word
    }.joined(separator: " ")
  }

  private static let steps = [
    "The question asks for the length of the longer side.", "From the picture I read that \\(AB = 12\\) and the angle is 30 degrees.",
    "So the area is \\(\\frac{1}{2} \\cdot 12 \\cdot 5 = 30\\).", "Wait, I should check whether the bar for 2019 is higher than that for 2020.",
    "That gives x < 4, which fits with the first condition.", "Adding both sides, 3x + 7 = 22, hence x = 5.",
    "The caption says “total sales”, so I have to add the two columns.", "This matches option B, but let me verify the other options too.",
  ]

  private static let words = [
    "the", "chart", "shows", "rising", "sales", "of", "red", "and", "blue", "cars", "in", "2019", "while", "total", "production", "was",
    "falling", "by", "12", "percent", "each", "year", "because", "companies", "were", "reducing", "operations", "generally", "hopeful",
    "analysts", "expected", "relational", "changes", "however", "a", "man", "walking", "his", "dog", "near", "small", "wooden", "bridges",
  ]
}

extension String {
  fileprivate var capitalizedASCII: String { prefix(1).uppercased() + dropFirst() }
}

private func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
