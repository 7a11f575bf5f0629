package import DataSets

/// The built-in data set in memory: scenes, and rows about them. `write` makes a folder of it.
package struct BuiltInDataSet: Sendable {
  package static let dataSource = "built-in bar charts"
  /// Texts that a tokenizer of this data set should keep whole: the tags, and every number that occurs, so that a response
  /// has few tokens and a sum is one token that follows from two.
  package static let unsplitTexts =
    ["<think>", "</think>", "<answer>", "</answer>"] + (0...largestNumber).map { " \($0)" }
    + (10...largestNumber).map { "\($0)" }
  /// Three bars of the largest value.
  private static let largestNumber = 27

  package let recipe: DataRecipe
  let trainScenes: [Scene]
  let heldOutScenes: [Scene]

  package init(_ recipe: DataRecipe) throws(VisualReasoningError) {
    guard recipe.trainRows > 0, recipe.heldOutRows > 0 else {
      throw .badSize(reason: "it would have \(recipe.trainRows) rows to train on and \(recipe.heldOutRows) held out")
    }
    guard recipe.supervisedRows >= 0, recipe.judgedRows >= 0, recipe.judgedHeldOutRows >= 0 else {
      throw .badSize(reason: "a number of rows is negative")
    }
    self.recipe = recipe
    let seed = recipe.seed
    trainScenes = (0..<recipe.trainRows).map { DataPart.train.scene(seed: seed, index: $0) }
    heldOutScenes = (0..<recipe.heldOutRows).map { DataPart.heldOut.scene(seed: seed, index: $0) }
  }

  func scenes(of part: DataPart) -> [Scene] {
    part == .train ? trainScenes : heldOutScenes
  }

  /// Streams of random numbers of the two parts never meet: train counts up from 0, held-out down from -1.
  static func stream(_ part: DataPart, _ index: Int) -> Int {
    part == .train ? index : -1 - index
  }

  /// Where the picture of a scene lies, relative to the folder.
  package static func picturePath(_ part: DataPart, _ index: Int) -> String {
    "images/\(name(part.rawValue, index)).png"
  }

  /// A name that sorts as its number.
  static func name(_ kind: String, _ index: Int) -> String {
    let digits = String(index)
    return "\(kind)-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }

  // MARK: rows

  /// One problem about each scene, to be answered and graded.
  package func problems(_ part: DataPart) -> [DataRow] {
    scenes(of: part).enumerated().map { index, scene in
      var random = SeededRandom(seed: recipe.seed, purpose: .question, index: Self.stream(part, index))
      let question = Question.draw(weights: recipe.mixture.questions, using: &random)
      return row(Self.name(part.rawValue, index), question, part: part, sceneIndex: index)
    }
  }

  /// What a policy needs before it can reason: for each training picture a row that reads the bars it is asked for, in
  /// that order (`blue , red ?`: `blue 3 . red 5 .`), a row of calculations without a picture
  /// (`5 + 3 ? 12 or 7 ?`: `5 + 3 = 8 . 12 > 7 . A .`), and a question worked out without the form of a response
  /// (`red + blue ?`: `red 5 . blue 3 . 5 + 3 = 8 .`).
  ///
  /// They come before reasoning, as in the training of large models. Among the habits of `supervisedRows` so few bars are
  /// read and so few sums written out that a model starting from nothing would take thousands of steps to learn from them,
  /// and in that time it would learn to answer at a glance, which leaves little to gain.
  package func basicRows() -> [DataRow] {
    trainScenes.enumerated().flatMap { index, scene in
      let path = Self.picturePath(.train, index)
      var random = SeededRandom(seed: recipe.seed, purpose: .basics, index: index)
      let asked = random.shuffled(BarColour.allCases).prefix(2 + random.below(3))
      let picture = DataRow(
        problemID: Self.name("picture", index), problem: asked.map(\.rawValue).joined(separator: " , ") + " ?",
        kind: .image, images: [ImageReference(name: path, path: path)], dataSource: Self.dataSource,
        response: Self.reading(of: asked, on: scene))
      let steps = (0..<4).map { _ in Self.calculation(using: &random) }
      let sums = DataRow(
        problemID: Self.name("calculation", index), problem: steps.map(\.question).joined(separator: " "),
        dataSource: Self.dataSource, response: steps.flatMap(\.steps).map { "\($0.text) ." }.joined(separator: " "))
      let question = Question.draw(weights: recipe.mixture.questions, using: &random)
      var worked = row(Self.name("worked", index), question, part: .train, sceneIndex: index)
      worked.response = Self.workedOut(question, on: scene)
      return [picture, sums, worked]
    }
  }

  /// A calculation such as careful traces have, and the same without its result.
  private static func calculation(using random: inout SeededRandom) -> (question: String, steps: [TraceStep]) {
    let values = Scene.values.count
    switch random.below(3) {
    case 0:
      let (left, right) = (random.below(2 * values - 1), random.below(values))
      return ("\(left) + \(right) ?", [.arithmetic(left, .plus, right, result: left + right)])
    case 1:
      let (one, other) = (random.below(values), random.below(values))
      let (larger, smaller) = (max(one, other), min(one, other))
      return ("\(larger) - \(smaller) ?", [.arithmetic(larger, .minus, smaller, result: larger - smaller)])
    default:
      let (left, right) = (random.below(2 * values - 1), random.below(2 * values - 1))
      let comparison = Comparison(left, right)
      return ("\(left) or \(right) ?", [.comparing(left, comparison, right), .claim(words: [], comparison.letter)])
    }
  }

  static func workedOut(_ question: Question, on scene: Scene) -> String {
    TraceWriter.careful(question, seen: question.needed.map(scene.value(of:))).description
  }

  static func reading(of colours: some Sequence<BarColour>, on scene: Scene) -> String {
    colours.map { TraceStep.reading($0, scene.value(of: $0)).text + " ." }.joined(separator: " ")
  }

  /// Responses in the habits of the mixture, to learn from. The problems are others than those of `problems`, about the same
  /// pictures.
  package func supervisedRows() -> [DataRow] {
    (0..<recipe.supervisedRows).map { index in
      var random = SeededRandom(seed: recipe.seed, purpose: .trace, index: index)
      let sceneIndex = index % trainScenes.count
      let question = Question.draw(weights: recipe.mixture.questions, using: &random)
      let habit = Habit.allCases[random.index(weights: recipe.mixture.habits)]
      let response = TraceWriter.response(
        to: question, on: trainScenes[sceneIndex], habit: habit,
        misreading: recipe.mixture.probability(ofMisreadingBy: habit), using: &random)
      var row = row(Self.name("response", index), question, part: .train, sceneIndex: sceneIndex)
      row.response = response.text
      return row
    }
  }

  /// Traces with scores, as many in each tenth of quality as in any other, for a thinking-reward model.
  package func judgedRows(_ part: DataPart) -> [DataRow] {
    let count = part == .train ? recipe.judgedRows : recipe.judgedHeldOutRows
    let traces = LabelledTraces(
      seed: recipe.seed, part: part, mixture: recipe.mixture, scenes: scenes(of: part))
    return traces.draw(count).enumerated().map { index, trace in
      var row = row(
        Self.name("trace-\(part.rawValue)", index), trace.question, part: part, sceneIndex: trace.sceneIndex)
      row.response = trace.response.text
      row.thinkingScore = trace.assessment.score
      return row
    }
  }

  private func row(_ name: String, _ question: Question, part: DataPart, sceneIndex: Int) -> DataRow {
    let path = Self.picturePath(part, sceneIndex)
    return DataRow(
      problemID: name, problem: question.text, kind: .image,
      problemType: question.isMultipleChoice ? .multipleChoice : .numerical, options: question.options,
      solution: "<answer>\(question.answer(on: scenes(of: part)[sceneIndex]))</answer>",
      images: [ImageReference(name: path, path: path)], dataSource: Self.dataSource)
  }
}
