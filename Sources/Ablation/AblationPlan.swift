internal import ActionableErrors
internal import DurableFiles
internal import Runs
package import Settings
internal import TrustGRPO
internal import VisualReasoning

/// What is compared with what: arms of the algorithm, crossed with settings and with thinking-reward models, on several base
/// policies and seeds, all on the built-in data.
package struct AblationPlan: Sendable {
  /// A thinking-reward model that runs can have.
  package enum Judge: String, Sendable, Hashable, Codable, CaseIterable {
    /// Learnt from all labelled traces.
    case trained
    /// Learnt from 48 labelled traces, without being shown the picture.
    case fewLabels = "few-labels"
    /// Counts confident filler words: four or more are worth 1. The one to hack.
    case confidentWords = "confident-words"
    /// Sees and calculates, but has never been taught to judge.
    case untrained

    static let fewLabelCount = 48
    static let wordsForFullScore = 4.0

    /// In tables and sentences.
    package var words: String {
      switch self {
      case .trained: "trained"
      case .fewLabels: "48 labels, blind"
      case .confidentWords: "counts confident words"
      case .untrained: "untrained"
      }
    }
  }

  /// What a run is called that differs from others in these settings.
  package struct Arm: Sendable {
    package var name: String
    package var settings: [ConfigurationEntry]
    /// In place of the plan's judges.
    package var judge: Judge?
  }

  /// A setting with the values it is crossed with.
  package struct Axis: Sendable {
    package var key: String
    package var values: [ConfigurationEntry]
  }

  /// Settings that are chosen before anything is reported: on rows, seeds and, where the plan says so, bases of their own.
  package struct Choice: Sendable {
    package var bases: [UInt64]
    package var seeds: [UInt64]
    package var arm: String
    package var among: [Axis]
  }

  /// How messages name the plan.
  package var file: String
  package var title = "Ablation of Trust-GRPO"
  package var folder = "runs/ablation"
  /// Of the data, and of the model that sees and calculates, from which base policies and judges are made.
  package var data: UInt64 = 0
  /// Seeds, each of the warm start of a base policy.
  package var bases: [UInt64] = [0, 1, 2]
  /// Of the runs that are reported, on each base.
  package var seeds: [UInt64] = [0, 1, 2]
  package var mixture = Mixture.harder
  package var trainRows = 4000
  package var chooseRows = 250
  package var reportRows = 500
  package var judges: [Judge] = [.trained]
  package var models = BuiltInModelSteps()
  /// Of every run.
  package var settings: [ConfigurationEntry] = []
  /// The first is what the others are compared with.
  package var arms: [Arm] = []
  package var cross: [Axis] = []
  package var choice: Choice?

  package enum Mixture: String, Sendable, CaseIterable {
    case standard, harder

    var data: DataMixture { self == .standard ? .standard : .harder }
  }

  /// Steps of the supervised trainings that a base is made with.
  package struct BuiltInModelSteps: Sendable, Hashable {
    package var basic = 600
    package var warmStart = 150
    package var thinking = 400
    /// The warm start is made again, 2, 3, ... times as long, until the base policy's greedy accuracy, on the rows for choosing,
    /// is at least this: bases learn to answer at a glance after very different numbers of steps. nil: it is as long as it is.
    package var startAccuracy: Double?
  }
}

/// One column of the comparison: an arm, a judge, and a value for each crossed setting.
package struct AblationCell: Sendable, Hashable, Codable {
  package let arm: String
  /// nil where the thinking reward is not used.
  package let judge: AblationPlan.Judge?
  /// In the order of the plan's axes; nil where the setting cannot matter.
  package let values: [String?]
}

/// One run to be made; several cells may share it, where what they differ in cannot matter.
package struct AblationRun: Sendable {
  package enum Rows: String, Sendable, Codable { case choose, report }

  /// Of everything that decides the result, so that a result can be found again.
  package let identity: String
  package let base: UInt64
  package let seed: UInt64
  package let rows: Rows
  package let judge: AblationPlan.Judge?
  /// Folders and addresses are filled in by whoever performs it.
  package let settings: RunSettings
  /// Of the first cell that needs it.
  package let cell: AblationCell
}

// MARK: - Runs

extension AblationPlan {
  /// Every cell with the settings that it stands for, in the plan's order.
  package func cells() throws -> [(cell: AblationCell, settings: RunSettings)] {
    try arms.flatMap { arm in try cells(of: arm, chosen: []) }
  }

  /// Of those that are reported.
  package var runCount: Int {
    get throws { try runs(cells(), bases: bases, seeds: seeds, rows: .report).count }
  }

  /// Of those that settings are chosen by.
  package var choiceCount: Int {
    get throws {
      guard let choice, let arm = arms.first(where: { $0.name == choice.arm }) else { return 0 }
      return try combinations(of: choice.among).reduce(0) { count, option in
        try count + runs(cells(of: arm, chosen: option), bases: choice.bases, seeds: choice.seeds, rows: .choose).count
      }
    }
  }

  /// - Parameter chosen: entries that were chosen, or are tried.
  func cells(of arm: Arm, chosen: [ConfigurationEntry]) throws -> [(cell: AblationCell, settings: RunSettings)] {
    var found: [(cell: AblationCell, settings: RunSettings)] = []
    for judge in arm.judge.map({ [$0] }) ?? judges {
      for values in combinations(of: cross) {
        let settings = try Self.start.changed(by: settings + chosen + values + arm.settings, place: "\(file), arm \(arm.name)")
        let uses = settings.algorithm.usesThinking
        let cell = AblationCell(
          arm: arm.name, judge: uses ? judge : nil,
          values: values.map { uses || !Self.onlyOfThinking.contains($0.normalized) ? $0.text.shown : nil })
        if !found.contains(where: { $0.cell == cell }) { found.append((cell, Self.relevant(settings))) }
      }
    }
    return found
  }

  /// The runs that fill the cells, each once, one seed of all cells after the other, so that an interrupted ablation has
  /// something to show for every cell.
  func runs(
    _ cells: [(cell: AblationCell, settings: RunSettings)], bases: [UInt64], seeds: [UInt64], rows: AblationRun.Rows
  ) throws -> [AblationRun] {
    var runs: [AblationRun] = []
    var seen: Set<String> = []
    for seed in seeds {
      for base in bases {
        for (cell, settings) in cells {
          let run = try run(cell, settings, base: base, seed: seed, rows: rows)
          if seen.insert(run.identity).inserted { runs.append(run) }
        }
      }
    }
    return runs
  }

  func run(
    _ cell: AblationCell, _ settings: RunSettings, base: UInt64, seed: UInt64, rows: AblationRun.Rows
  ) throws -> AblationRun {
    var settings = settings
    settings.run.seed = seed
    let text = try """
      form \(Self.form) \(settings.json()) judge \(cell.judge?.rawValue ?? "none") \(Judge.fewLabelCount) \(Judge.wordsForFullScore) \
      base \(base) \(recipe) \(models.startAccuracy ?? 0) rows \(rows.rawValue) \(chooseRows) \(reportRows)
      """
    return AblationRun(
      identity: String(SHA256Digest(of: Array(text.utf8)).description.prefix(16)), base: base, seed: seed, rows: rows,
      judge: cell.judge, settings: settings, cell: cell)
  }

  /// Raised when the same settings give other results: results of before are then made again.
  static let form = 1

  var recipe: BuiltInModels.Recipe {
    var recipe = BuiltInModels.Recipe(
      data: DataRecipe(seed: data, trainRows: trainRows, heldOutRows: chooseRows + reportRows, mixture: mixture.data))
    recipe.basicSteps = models.basic
    recipe.warmStartSteps = models.warmStart
    recipe.thinkingSteps = models.thinking
    return recipe
  }

  /// Of the plan and of its arms, without repeats.
  var allJudges: [Judge] { Judge.allCases.filter { (judges + arms.compactMap(\.judge)).contains($0) } }

  /// What runs have in common unless the plan says otherwise: the demonstration's settings, in one process of each kind.
  static var start: RunSettings {
    var settings = RunSettings()
    settings.model.folder = "base"
    settings.data.trainFiles = ["train"]
    settings.rollout.maximumResponseTokens = 64
    settings.optimizer.learningRate = 2e-4
    settings.run.steps = 100
    settings.run.checkpointEvery = 0
    settings.run.evaluateEvery = 0
    settings.cluster.workers = 1
    settings.cluster.scorers = 1
    settings.cluster.learnerThreads = 1
    // Nobody watches hundreds of runs: one that hangs ends.
    settings.cluster.stallLimitSeconds = 600
    return settings
  }

  /// Whether a plan may set it: what the ablation sets itself, and what its measurements do not follow, it may not.
  static func isFree(_ setting: ConfigurationEntry) -> Bool {
    let key = setting.normalized
    if key == "algorithm.correctthreshold" { return false }
    return freeKeys.contains(key) || ["rollout", "algorithm", "optimizer"].contains { key.hasPrefix($0 + ".") }
  }

  private static let freeKeys: Set<String> = [
    "model.freezevisiontower", "data.shuffle", "thinking.reading", "run.steps", "cluster.workers", "cluster.scorers",
    "cluster.learnerthreads", "cluster.workerthreads", "cluster.scorerthreads", "cluster.credit", "cluster.leaseseconds",
    "cluster.heartbeatseconds", "cluster.peertimeoutseconds", "cluster.stalllimitseconds",
  ]

  private static let onlyOfThinking: Set<String> = [
    "algorithm.onesided", "algorithm.trust", "algorithm.annealing", "algorithm.alpha", "algorithm.totalsteps",
    "algorithm.releasedannealingsteps", "thinking.reading",
  ]

  /// Settings that cannot matter are set back, so that runs that cannot differ are one run.
  private static func relevant(_ settings: RunSettings) -> RunSettings {
    guard !settings.algorithm.usesThinking else { return settings }
    var settings = settings
    let usual = TrustGRPOSettings()
    settings.algorithm.oneSided = usual.oneSided
    settings.algorithm.trust = usual.trust
    settings.algorithm.annealing = usual.annealing
    settings.algorithm.alpha = usual.alpha
    settings.algorithm.totalSteps = settings.run.steps
    settings.algorithm.releasedAnnealingSteps = nil
    settings.thinking = RunSettings().thinking
    return settings
  }
}

func combinationCount(_ axes: [AblationPlan.Axis]) -> Int {
  axes.reduce(1) { min(1_000_000, $0 * $1.values.count) }
}

/// Every way to take one value of each axis.
func combinations(of axes: [AblationPlan.Axis]) -> [[ConfigurationEntry]] {
  axes.reduce([[]]) { all, axis in all.flatMap { chosen in axis.values.map { chosen + [$0] } } }
}

package struct AblationError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String

  init(_ code: String, _ message: String, advice: String) {
    self.code = "ablation.\(code)"
    self.message = message
    self.advice = advice
  }
}
