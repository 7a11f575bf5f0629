internal import DataSets
internal import DurableFiles
package import Engines
internal import Foundation
package import VisualReasoning

/// The built-in data set and the models that are made from it, each made once and kept in one folder: first a model that
/// sees and calculates, then from it a base policy with habits, and thinking-reward models.
package struct BuiltInModels: Sendable {
  package struct Recipe: Sendable, Codable, Equatable {
    package var data: DataRecipe
    package var vocabularySize = 440
    package var basicSteps = 600
    package var warmStartSteps = 150
    package var warmStartRows = 48
    package var thinkingSteps = 400
    package var thinkingRows = 48
    package var learningRate = 3e-3

    package init(data: DataRecipe) {
      self.data = data
    }
  }

  package let recipe: Recipe
  package let folder: String

  package init(_ recipe: Recipe, in folder: String) {
    self.recipe = recipe
    self.folder = folder
  }

  package var data: String { "\(folder)/data" }
  /// Sees and calculates; has never been asked to judge.
  package var basics: String { "\(folder)/basics" }
  package var base: String { "\(folder)/base" }
  /// The thinking-reward model.
  package var thinking: String { "\(folder)/thinking" }

  package func file(_ file: BuiltInDataSet.RowFile) -> String { "\(data)/\(file.rawValue)" }

  package static func isMade(_ model: String) -> Bool { FileManager.default.fileExists(atPath: "\(model)/config.json") }

  // MARK: What is still to be made

  /// - Returns: nil if the data are there already.
  package func missingData() throws -> BuiltInDataSet? {
    let set = try BuiltInDataSet(recipe.data)
    return set.isWritten(to: data) ? nil : set
  }

  /// Makes the tokenizer on the way. nil if the model is there already; so too below.
  package func basicsTraining() throws -> SupervisedRun? {
    guard !Self.isMade(basics) else { return nil }
    let files = "\(folder)/tokenizer"
    if !FileManager.default.fileExists(atPath: files) {
      let corpus = String(decoding: try DurableFiles.read("\(data)/\(BuiltInDataSet.corpusFile)"), as: UTF8.self)
      try TinyModelFiles(
        corpus: corpus, kept: BuiltInDataSet.unsplitTexts, vocabularySize: recipe.vocabularySize,
        pictures: try DataFile.read(file(.supervised), use: .supervised).prefix(64).flatMap { try $0.task(system: nil).images }
      ).write(to: files)
    }
    return SupervisedRun(
      .policy, from: .tiny(besides: files, seed: recipe.data.seed), rows: try DataFile.read(file(.basics), use: .supervised),
      out: basics, settings: settings(recipe.basicSteps, recipe.warmStartRows), threads: 1)
  }

  package func baseTraining() throws -> SupervisedRun? {
    guard !Self.isMade(base) else { return nil }
    return SupervisedRun(
      .policy, from: .folder(basics), rows: try DataFile.read(file(.supervised), use: .supervised), out: base,
      settings: settings(recipe.warmStartSteps, recipe.warmStartRows), threads: 1)
  }

  /// A base policy from another order of the rows and `factor` times as many steps.
  package func otherBase(seed: UInt64, factor: Int) -> String { "\(base)-\(seed)-\(factor * recipe.warmStartSteps)" }

  /// From the beginning: a warm start that goes on from the end of another begins with a high learning rate again, which undoes
  /// what was learnt last.
  package func otherBaseTraining(seed: UInt64, factor: Int) throws -> SupervisedRun? {
    let out = otherBase(seed: seed, factor: factor)
    guard !Self.isMade(out) else { return nil }
    return SupervisedRun(
      .policy, from: .folder(basics), rows: try DataFile.read(file(.supervised), use: .supervised), out: out,
      settings: settings(recipe.warmStartSteps * factor, recipe.warmStartRows, seed: seed), threads: 1)
  }

  /// Of the thinking-reward model, or of one in another folder that learns less.
  ///
  /// - Parameters:
  ///   - labels: how many of the labelled traces it learns from; nil: all.
  ///   - isBlind: whether it is not shown images.
  package func thinkingTraining(to out: String? = nil, labels: Int? = nil, isBlind: Bool = false) throws -> SupervisedRun? {
    let out = out ?? thinking
    guard !Self.isMade(out) else { return nil }
    let rows = try DataFile.read(file(.judged), use: .judging)
    var form = ThinkingRewardForm(system: "")
    if isBlind { form.blind = true }
    return SupervisedRun(
      .thinkingReward(form), from: .folder(basics), rows: labels.map { Array(rows.prefix($0)) } ?? rows, out: out,
      settings: settings(recipe.thinkingSteps, recipe.thinkingRows), threads: 1)
  }

  private func settings(_ steps: Int, _ rows: Int, seed: UInt64? = nil) -> SupervisedSettings {
    var settings = SupervisedSettings()
    settings.steps = steps
    settings.rowsPerStep = rows
    settings.learningRate = recipe.learningRate
    settings.seed = seed ?? recipe.data.seed
    return settings
  }
}
