/// One problem of a data set, and for supervised rows what to learn from it.
package struct DataRow: Sendable, Hashable {
  /// Whether a problem comes with a picture.
  package enum Kind: String, Sendable, Codable, Hashable, CaseIterable {
    case image, text
  }

  /// A number or a word in the file, kept as text; `row-N` where the file has none.
  package var problemID: String
  package var problem: String
  package var kind: Kind
  /// `.text` where the row says nothing and its use does not need it.
  package var problemType: ProblemType
  /// The choices of a multiple-choice problem, in their order.
  package var options: [String]
  /// With or without `<answer>` tags; empty where the row has none and its use does not need it.
  package var solution: String
  /// Empty for text rows.
  package var images: [ImageReference]
  package var dataSource: String?
  /// The row's own system prompt, in place of the configured one.
  package var system: String?
  /// A whole response, to learn from or to compute log-probabilities of.
  package var response: String?
  /// How sound the thinking of `response` is, in [0, 1].
  package var thinkingScore: Double?

  package init(
    problemID: String, problem: String, kind: Kind = .text, problemType: ProblemType = .text, options: [String] = [],
    solution: String = "", images: [ImageReference] = [], dataSource: String? = nil, system: String? = nil,
    response: String? = nil, thinkingScore: Double? = nil
  ) {
    self.problemID = problemID
    self.problem = problem
    self.kind = kind
    self.problemType = problemType
    self.options = options
    self.solution = solution
    self.images = images
    self.dataSource = dataSource
    self.system = system
    self.response = response
    self.thinkingScore = thinkingScore
  }

  /// What the policy is asked: the problem, and for multiple choice its options on the next line, separated by semicolons.
  package var prompt: String {
    guard problemType == .multipleChoice, !options.isEmpty else { return problem }
    return problem + "\n" + options.joined(separator: "; ")
  }
}

/// What rows are for, which decides the fields they must have. All need a problem.
package enum RowUse: Sendable, Hashable {
  /// To be answered: no more.
  case prompting
  /// To be answered and judged: `problem_type` and `solution`.
  case grading
  /// To learn or to weigh a response: `response`.
  case supervised
  /// To learn to judge thinking: `response` and `thinking_score`.
  case judging
}

/// Which fields hold what; a row without the field named here may use the standard one.
package struct RowKeys: Sendable, Hashable, Codable {
  package var prompt: String
  package var answer: String
  package var image: String

  package init(prompt: String = "problem", answer: String = "solution", image: String = "path") {
    self.prompt = prompt
    self.answer = answer
    self.image = image
  }
}
