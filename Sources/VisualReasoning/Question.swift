/// What is asked about a scene.
package enum Question: Sendable, Hashable {
  /// The sum of two or three bars: `red + blue ?`.
  case sum([BarColour])
  /// The larger of two bars minus the smaller: `red - blue ?`.
  case difference(BarColour, BarColour)
  /// Whether one bar, or the sum of two, is greater than, smaller than or equal to another: `red or blue ?`,
  /// `red + blue or green + gray ?`.
  case comparison([BarColour], [BarColour])

  /// The kinds in which questions are drawn, in the order of `DataMixture.questions`.
  package enum Kind: String, Sendable, CaseIterable, Codable {
    case sumOfTwo = "sum of two"
    case sumOfThree = "sum of three"
    case difference
    case comparison
    case comparisonOfSums = "comparison of sums"

    /// How many bars such a question needs.
    var barCount: Int {
      switch self {
      case .sumOfTwo, .difference, .comparison: 2
      case .sumOfThree: 3
      case .comparisonOfSums: 4
      }
    }
  }

  package var kind: Kind {
    switch self {
    case .sum(let colours): colours.count == 2 ? .sumOfTwo : .sumOfThree
    case .difference: .difference
    case .comparison(let left, _): left.count == 1 ? .comparison : .comparisonOfSums
    }
  }

  /// The bars whose values the answer depends on, in the order of the text.
  package var needed: [BarColour] {
    switch self {
    case .sum(let colours): colours
    case .difference(let left, let right): [left, right]
    case .comparison(let left, let right): left + right
    }
  }

  /// A question of this kind about `colours`, of which there must be `kind.barCount`, all different.
  init(_ kind: Kind, about colours: [BarColour]) {
    switch kind {
    case .sumOfTwo, .sumOfThree: self = .sum(colours)
    case .difference: self = .difference(colours[0], colours[1])
    case .comparison: self = .comparison([colours[0]], [colours[1]])
    case .comparisonOfSums: self = .comparison(Array(colours[..<2]), Array(colours[2...]))
    }
  }

  static func draw(weights: [Double], using random: inout SeededRandom) -> Question {
    let kind = Kind.allCases[random.index(weights: weights)]
    return Question(kind, about: Array(random.shuffled(BarColour.allCases)[..<kind.barCount]))
  }

  // MARK: text

  /// The words of the question, without the options: `red + blue ?`.
  package var text: String {
    func sum(_ colours: [BarColour]) -> String { colours.map(\.rawValue).joined(separator: " + ") }
    return switch self {
    case .sum(let colours): sum(colours) + " ?"
    case .difference(let left, let right): "\(left) - \(right) ?"
    case .comparison(let left, let right): "\(sum(left)) or \(sum(right)) ?"
    }
  }

  /// The question that reads `text`, if there is one.
  package init?(text: String) {
    let words = text.split(separator: " ")
    guard words.count >= 4, words.count % 2 == 0, words.last == "?" else { return nil }
    let colours = stride(from: 0, to: words.count, by: 2).compactMap { BarColour(rawValue: String(words[$0])) }
    let signs = stride(from: 1, to: words.count - 1, by: 2).map { words[$0] }
    guard colours.count == words.count / 2, Set(colours).count == colours.count else { return nil }
    let kind: Kind
    switch signs {
    case ["+"]: kind = .sumOfTwo
    case ["+", "+"]: kind = .sumOfThree
    case ["-"]: kind = .difference
    case ["or"]: kind = .comparison
    case ["+", "or", "+"]: kind = .comparisonOfSums
    default: return nil
    }
    self.init(kind, about: colours)
  }

  // MARK: answer

  package var isMultipleChoice: Bool {
    if case .comparison = self { true } else { false }
  }

  /// The options as a row lists them; empty where the answer is a number.
  package var options: [String] {
    isMultipleChoice ? Comparison.allCases.map { "\($0.letter) \($0.word)" } : []
  }

  /// The answer where `value` gives each bar's value: a number, or the letter of an option.
  package func answer(_ value: (BarColour) -> Int) -> String {
    func sum(_ colours: [BarColour]) -> Int { colours.reduce(0) { $0 + value($1) } }
    return switch self {
    case .sum(let colours): String(sum(colours))
    case .difference(let left, let right): String(abs(value(left) - value(right)))
    case .comparison(let left, let right): Comparison(sum(left), sum(right)).letter
    }
  }

  package func answer(on scene: Scene) -> String {
    answer(scene.value(of:))
  }
}

/// How the first quantity of a comparison stands to the second.
enum Comparison: CaseIterable, Hashable {
  case greater
  case smaller
  case equal

  init(_ left: Int, _ right: Int) {
    self = left > right ? .greater : left < right ? .smaller : .equal
  }

  /// The option that says so.
  var letter: String {
    switch self {
    case .greater: "A"
    case .smaller: "B"
    case .equal: "C"
    }
  }

  var word: String {
    switch self {
    case .greater: "greater"
    case .smaller: "smaller"
    case .equal: "equal"
    }
  }

  /// Between two numbers in a trace.
  var sign: String {
    switch self {
    case .greater: ">"
    case .smaller: "<"
    case .equal: "="
    }
  }
}
