/// One step of a trace; a step ends with a full stop that stands alone.
enum TraceStep: Hashable, Sendable {
  /// `red 5`
  case reading(BarColour, Int)
  /// `5 + 3 = 8`
  case arithmetic(Int, Sign, Int, result: Int)
  /// `8 > 6`
  case comparing(Int, Comparison, Int)
  /// `8`, `A`, `roughly 8`, `clearly surely A`: a result and the words before it.
  case claim(words: [String], String)
  /// Anything else.
  case unknown(String)

  enum Sign: String, Hashable, Sendable {
    case plus = "+"
    case minus = "-"
  }

  var text: String {
    switch self {
    case .reading(let colour, let value): "\(colour) \(value)"
    case .arithmetic(let left, let sign, let right, let result): "\(left) \(sign.rawValue) \(right) = \(result)"
    case .comparing(let left, let comparison, let right): "\(left) \(comparison.sign) \(right)"
    case .claim(let words, let result): (words + [result]).joined(separator: " ")
    case .unknown(let text): text
    }
  }
}

/// A step as it is worded. Wording may slip into another language or notation: `rot 5`, `5 plus 3 is 8`.
struct WordedStep: Hashable, Sendable {
  var step: TraceStep
  var isMixed = false

  /// The step that these words say.
  init(text: String) {
    let words = text.split(separator: " ").map(String.init)
    let plain = words.map { Wording.plain[$0] ?? $0 }
    step = Self.step(plain) ?? .unknown(text)
    isMixed = plain != words
  }

  init(_ step: TraceStep, isMixed: Bool = false) {
    self.step = step
    self.isMixed = isMixed
  }

  var text: String {
    guard isMixed else { return step.text }
    return step.text.split(separator: " ").map { Wording.mixed[String($0)] ?? String($0) }.joined(separator: " ")
  }

  private static func step(_ words: [String]) -> TraceStep? {
    if words.count == 2, let colour = BarColour(rawValue: words[0]), let value = number(words[1]) {
      return .reading(colour, value)
    }
    if words.count == 5, words[3] == "=", let left = number(words[0]), let sign = TraceStep.Sign(rawValue: words[1]),
      let right = number(words[2]), let result = number(words[4])
    {
      return .arithmetic(left, sign, right, result: result)
    }
    if words.count == 3, let left = number(words[0]), let right = number(words[2]),
      let comparison = Comparison.allCases.first(where: { $0.sign == words[1] })
    {
      return .comparing(left, comparison, right)
    }
    if let result = words.last, words.dropLast().allSatisfy(Wording.fillers.contains),
      number(result) != nil || Comparison.allCases.contains(where: { $0.letter == result })
    {
      return .claim(words: words.dropLast(), result)
    }
    return nil
  }

  /// Plain digits, few enough to compute with.
  private static func number(_ word: String) -> Int? {
    guard (1...4).contains(word.utf8.count), word.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(word)
  }
}

/// The words of traces beyond colours and numbers.
enum Wording {
  static let eyeballing = "roughly"
  static let confidence = ["clearly", "surely", "obviously"]
  static let fillers = Set([eyeballing] + confidence)

  /// What each plain word turns into where wording is mixed.
  static let mixed = [
    "red": "rot", "green": "grün", "blue": "blau", "gray": "grau",
    "+": "plus", "-": "minus", "=": "is", ">": "over", "<": "under",
  ]
  static let plain = Dictionary(uniqueKeysWithValues: mixed.map { ($0.value, $0.key) })
}

/// The thinking of a response, step by step.
package struct Trace: Hashable, Sendable, CustomStringConvertible {
  var steps: [WordedStep]

  init(_ steps: [TraceStep]) {
    self.steps = steps.map { WordedStep($0) }
  }

  /// Takes any text apart; what cannot be understood becomes steps of unknown meaning.
  package init(text: String) {
    steps = text.split(whereSeparator: \.isWhitespace)
      .split(separator: ".", omittingEmptySubsequences: true)
      .map { WordedStep(text: $0.joined(separator: " ")) }
  }

  /// What stands between `<think>` and `</think>`: `red 5 . blue 3 . 5 + 3 = 8 .`.
  package var description: String {
    steps.map { "\($0.text) ." }.joined(separator: " ")
  }
}
