internal import Dashboard
internal import DurableFiles
internal import Foundation
internal import Runs
internal import Settings

/// `ablation.html` and `ablation.json`, from the results that are there.
struct AblationReport {
  let plan: AblationPlan
  let folder: String
  let chosen: [ConfigurationEntry]
  let isChosenAtEnd: Bool
  let cells: [(cell: AblationCell, settings: RunSettings)]
  let bases: [UInt64: AblationBase]
  /// Of the whole plan.
  let runCount: Int

  /// - Parameter results: by identity; of other plans too, which are left out.
  func write(_ results: [String: AblationResult]) throws {
    let byCell = try resultsByCell(results)
    let findings = FindingsBuilder(
      plan: plan, cells: cells.map { ($0.cell, $0.settings.algorithm) }, results: byCell,
      bases: plan.bases.compactMap { bases[$0]?.measured.greedy }, judges: judgeQuality, runCount: runCount
    ).build()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try DurableFiles.write(Array(try encoder.encode(findings)) + [10], to: "\(folder)/ablation.json")
    try page(findings, byCell).write(to: "\(folder)/ablation.html")
  }

  private func resultsByCell(_ results: [String: AblationResult]) throws -> [AblationCell: [FindingsBuilder.RunKey: AblationResult]] {
    var found: [AblationCell: [FindingsBuilder.RunKey: AblationResult]] = [:]
    for (cell, settings) in cells {
      for base in plan.bases {
        for seed in plan.seeds {
          let run = try plan.run(cell, settings, base: base, seed: seed, rows: .report)
          if let result = results[run.identity] { found[cell, default: [:]][.init(base: base, seed: seed)] = result }
        }
      }
    }
    return found
  }

  private var judgeQuality: [AblationPlan.Judge: [Double]] {
    Dictionary(
      plan.allJudges.compactMap { judge in
        let values = plan.bases.compactMap { bases[$0]?.measured.rankCorrelation[judge.rawValue] }
        return values.isEmpty ? nil : (judge, values)
      }, uniquingKeysWith: { first, _ in first })
  }

  // MARK: Page

  private func page(
    _ findings: AblationFindings, _ results: [AblationCell: [FindingsBuilder.RunKey: AblationResult]]
  ) -> AblationPage {
    let runs = Set(results.values.flatMap { $0.values.map(\.identity) }).count
    let lengths = Set(results.values.flatMap { $0.values.map(\.steps.count) }).sorted()
    let facts = [
      "\(runs == runCount ? "\(runs)" : "\(runs) of \(runCount)") runs of \(lengths.map(String.init).joined(separator: ", ")) steps", "base policies \(plan.bases.map(String.init).joined(separator: ", "))",
      "seeds \(plan.seeds.map(String.init).joined(separator: ", "))", "\(plan.mixture.rawValue) mixture",
      "\(plan.reportRows) held-out rows, none of them used for choosing",
      chosen.isEmpty ? nil : "chosen by \(plan.choice?.arm ?? ""): \(Ablation.words(chosen))\(isChosenAtEnd ? ", at an end of what was tried" : "")",
    ].compactMap(\.self)
    return AblationPage(
      title: plan.title, facts: facts, words: findings.words,
      legend: plan.arms.enumerated().map { (name: $0.element.name, colour: $0.offset) },
      columns: ["arm", "judge"] + plan.cross.map(\.shortName) + ["runs", "accuracy", "difference", "soundness", "confident words", "one-sided"],
      rows: findings.cells.map(row), sections: sections(results), chartsInRow: plan.judges.count,
      command: "sophia ablate \(plan.file)\(isElsewhere ? " --run \(folder)" : "")")
  }

  /// Whether the command named another folder than the plan.
  private var isElsewhere: Bool { RunFolder(plan.folder).path != folder }

  private func row(_ cell: AblationFindings.Cell) -> AblationPage.Row {
    AblationPage.Row(
      cells: [cell.cell.arm, cell.cell.judge?.words ?? "none"] + cell.cell.values.map { $0 ?? "any" }
        + [
          "\(cell.accuracy.count)", cell.accuracy.words, cell.difference?.signed ?? "–", cell.soundness.words,
          cell.confidentWords.words, cell.oneSided.words,
        ],
      tendency: cell.difference.map { $0.isTold ? ($0.mean > 0 ? 1 : -1) : 0 } ?? 0)
  }

  private func sections(_ results: [AblationCell: [FindingsBuilder.RunKey: AblationResult]]) -> [AblationPage.Section] {
    let words = results.values.flatMap { $0.values.flatMap { $0.steps.map(\.confidentWords) } }.max() ?? 1
    let quantities: [(title: String, words: String, top: Double, value: @Sendable (AblationResult.Step) -> Double)] = [
      ("Accuracy", "Share of right answers among the responses sampled in training; bands, where there are several seeds, are 95 % confidence intervals.", 1, { $0.accuracy }),
      ("Soundness of traces", "Of the sampled responses, as the built-in checker judges them against the picture.", 1, { $0.soundness }),
      ("Confident words", "In a sampled response.", max(1, words), { $0.confidentWords }),
      ("One-sided groups", "Share of groups whose members are all right or all wrong.", 1, { $0.oneSided }),
    ]
    return quantities.map { quantity in
      AblationPage.Section(title: quantity.title, words: quantity.words, top: quantity.top, charts: charts(results, quantity.value))
    }
  }

  /// One for each judge and combination of crossed values; arms without a judge are in all they fit.
  private func charts(
    _ results: [AblationCell: [FindingsBuilder.RunKey: AblationResult]], _ value: @Sendable (AblationResult.Step) -> Double
  ) -> [(title: String, curves: [AblationPage.Curve])] {
    combinations(of: plan.cross).flatMap { values -> [(title: String, curves: [AblationPage.Curve])] in
      let texts = values.map { $0.text.shown }
      return plan.judges.map { judge in
        var curves: [AblationPage.Curve] = []
        for (colour, arm) in plan.arms.enumerated() {
          guard let cell = cell(of: arm, judge, texts), let runs = results[cell] else { continue }
          curves.append(AblationPage.Curve(name: arm.name, colour: colour, points: Self.points(Array(runs.values), value)))
        }
        let named = zip(plan.cross, texts).map { "\($0.shortName) \($1)" }.joined(separator: ", ")
        return (title: "Judge: \(judge.words)\(named.isEmpty ? "" : "; \(named)")", curves: curves)
      }
    }
  }

  /// Where an arm has a judge of its own, or none, its cell stands beside those of every judge.
  private func cell(of arm: AblationPlan.Arm, _ judge: AblationPlan.Judge, _ values: [String]) -> AblationCell? {
    cells.lazy.map(\.cell).first { cell in
      guard cell.arm == arm.name, cell.judge == nil || cell.judge == judge || arm.judge != nil else { return false }
      return zip(cell.values, values).allSatisfy { own, value in own == nil || own == value }
    }
  }

  private static let pointsOfCurve = 12

  /// Means over neighbouring steps, then over runs.
  static func points(_ runs: [AblationResult], _ value: (AblationResult.Step) -> Double) -> [AblationPage.Curve.Point] {
    let steps = runs.map(\.steps.count).min() ?? 0
    let size = max(1, (steps + pointsOfCurve - 1) / pointsOfCurve)
    return stride(from: 0, to: steps, by: size).map { first in
      let part = first..<min(first + size, steps)
      let byBase = Dictionary(grouping: runs.sorted { ($0.base, $0.seed) < ($1.base, $1.seed) }, by: \.base).sorted { $0.key < $1.key }
      let estimate = Estimate(byBase: byBase.map { $0.value.map { run in average(run.steps[part].map(value)) } })
      return .init(step: average(part.map { Double($0 + 1) }), mean: estimate.mean, margin: estimate.margin ?? 0)
    }
  }
}

/// The table that grows while runs are made: a line for each.
enum AblationTable {
  static func head(_ plan: AblationPlan) -> String {
    line(plan, ["arm", "judge"] + plan.cross.map(\.shortName) + ["base", "seed", "accuracy", "soundness", "words", "took"])
  }

  static func row(_ plan: AblationPlan, _ result: AblationResult) -> String {
    line(
      plan,
      [result.cell.arm, result.cell.judge?.rawValue ?? "none"] + result.cell.values.map { $0 ?? "any" }
        + ["\(result.base)", "\(result.seed)"]
        + [result.end.accuracy, result.end.soundness, result.end.confidentWords].map { String(format: "%.3f", $0) }
        + [Numbers.duration(result.seconds)])
  }

  private static func line(_ plan: AblationPlan, _ cells: [String]) -> String {
    let arm = max(3, plan.arms.map(\.name.count).max() ?? 3)
    let widths = [arm, 15] + plan.cross.map { axis in max(axis.shortName.count, axis.values.map { $0.text.shown.count }.max() ?? 0) }
    return cells.enumerated().map { column, text in
      column < widths.count
        ? text.padding(toLength: max(widths[column], text.count), withPad: " ", startingAt: 0)
        : String(repeating: " ", count: max(0, 9 - text.count)) + text
    }.joined(separator: "  ")
  }
}
