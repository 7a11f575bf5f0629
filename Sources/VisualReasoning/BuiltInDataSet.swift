package import DataSets

/// The built-in data set in memory: scenes, and rows about them. `write` makes a folder of it.
package struct BuiltInDataSet: Sendable {
  package static let dataSource = "built-in bar charts"
  /// Texts that a tokenizer of this data set should keep whole: the tags, and a digit with the space before it, so that a
  /// response has few tokens and a digit follows its colour directly.
  package static let unsplitTexts =
    ["<think>", "</think>", "<answer>", "</answer>"] + (0...9).map { " \($0)" }

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

  static let descriptionProblem = "what is shown ?"

  /// One row a training picture that says what it shows, from left to right: `red 5 . blue 3 . gray 0 . green 9 .`
  ///
  /// Pictures come before reasoning, as in the training of large models: among the habits of `supervisedRows` so few bars
  /// are read that a model starting from nothing would take thousands of steps to learn to see from them.
  package func describedRows() -> [DataRow] {
    trainScenes.enumerated().map { index, scene in
      let path = Self.picturePath(.train, index)
      return DataRow(
        problemID: Self.name("picture", index), problem: Self.descriptionProblem, kind: .image, problemType: .text,
        options: [], solution: "", images: [ImageReference(name: path, path: path)], dataSource: Self.dataSource,
        response: Self.description(of: scene))
    }
  }

  static func description(of scene: Scene) -> String {
    scene.bars.map { "\($0.colour.rawValue) \($0.value) ." }.joined(separator: " ")
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
