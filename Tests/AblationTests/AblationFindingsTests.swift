import Dashboard
import DurableFiles
import Foundation
import Testing
import TrustGRPO

@testable import Ablation

struct EstimateTests {
  /// From scipy.stats.t.interval(0.95, n - 1, mean, sem).
  @Test func intervalsAreStudents() throws {
    let cases: [(values: [Double], mean: Double, margin: Double)] = [
      ([1, 2, 3, 4], 2.5, 2.054260), ([0.5, 0.7], 0.6, 1.270620), ((0..<40).map(Double.init), 19.5, 3.738774),
      ((0..<9).map { 0.1 * Double($0 * $0) }, 2.266667, 1.750303),
    ]
    for (values, mean, margin) in cases {
      let estimate = Estimate(values)
      #expect(abs(estimate.mean - mean) < 1e-5)
      #expect(abs(try #require(estimate.margin) - margin) < 2e-3 * margin, "\(values.count) \(estimate)")
      #expect(estimate.count == values.count)
    }
  }

  @Test func oneValueHasNoInterval() {
    #expect(Estimate([0.4]) == Estimate([0.4]) && Estimate([0.4]).margin == nil && !Estimate([0.4]).isTold)
    #expect(Estimate([0.4]).words == "0.400")
    #expect(Estimate([-0.25, -0.25]).signed == "−0.250 ± 0.000")
    #expect(Estimate([0.25, 0.25]).signed == "+0.250 ± 0.000")
  }

  @Test func toldApartIsWithZeroOutside() {
    #expect(Estimate([0.1, 0.11, 0.12]).isTold)
    #expect(!Estimate([-0.1, 0.1, 0.12]).isTold)
    // Runs that are the same to the bit differ by nothing.
    #expect(!Estimate([0, 0, 0]).isTold)
  }
}

struct AblationFindingsTests {
  private static let plan = """
    bases: [0, 1, 2]
    seeds: [1, 2]
    judges: [confident-words]
    arms:
      grpo: {algorithm: {mode: grpo}}
      neither: {algorithm: {trust: false, annealing: false}}
      full: {}
    cross:
      algorithm.advantage: [std, mean]
      algorithm.oneSided: [exclude, include]

    """

  /// What the runs of each cell end at, but for small differences between them.
  private static func findings(_ accuracy: (AblationCell) -> Double) throws -> (AblationPlan, AblationFindings) {
    let plan = try AblationPlan.parse(Self.plan, file: "plan")
    let cells = try plan.cells()
    var results: [AblationCell: [FindingsBuilder.RunKey: AblationResult]] = [:]
    for (number, (cell, settings)) in cells.enumerated() {
      for base in plan.bases {
        for seed in plan.seeds {
          let run = try plan.run(cell, settings, base: base, seed: seed, rows: .report)
          let noise = 0.01 * sin(Double(number * 31 + Int(base) * 7 + Int(seed) * 3))
          // Bases differ much, which pairs leave out.
          results[cell, default: [:]][.init(base: base, seed: seed)] = result(run, accuracy(cell) + noise + 0.05 * Double(base))
        }
      }
    }
    let builder = FindingsBuilder(
      plan: plan, cells: cells.map { ($0.cell, $0.settings.algorithm) }, results: results,
      bases: [GreedyMeasure(rows: 10, accuracy: 0.5, soundness: 0.25, confidentWords: 1)],
      judges: [.confidentWords: Estimate([-0.3, -0.2])])
    return (plan, builder.build())
  }

  static func result(_ run: AblationRun, _ accuracy: Double) -> AblationResult {
    AblationResult(
      identity: run.identity, cell: run.cell, base: run.base, seed: run.seed, rows: .report,
      steps: (1...30).map { step in
        .init(step: step, accuracy: accuracy * Double(step) / 30, soundness: 0.5, oneSided: 0.25, confidentWords: 1, gamma: nil, thinking: nil)
      },
      end: GreedyMeasure(rows: 10, accuracy: accuracy, soundness: 0.5, confidentWords: 2), policySHA256: "", seconds: 1)
  }

  private func verdict(_ accuracy: (AblationCell) -> Double) throws -> String {
    let words = try Self.findings(accuracy).1.words
    return try #require(words.first { $0.hasPrefix("That trust and annealing cannot stop") })
  }

  @Test func theFindingIsConfirmedOnlyIfThereIsHarmAndBothRemediesHelp() throws {
    func isAsPrinted(_ cell: AblationCell) -> Bool { cell.values == ["std", "include"] && cell.judge != nil }
    #expect(try verdict { isAsPrinted($0) ? 0.6 : 0.9 }.contains("confirmed: they do not hold"))
    #expect(try verdict { isAsPrinted($0) || $0.values.first == "mean" && $0.judge != nil ? 0.6 : 0.9 }.contains("excluding one-sided groups does better, centring alone is not"))
    #expect(try verdict { $0.arm == "full" ? 0.6 : 0.9 }.contains("but neither remedy is told apart"))
    #expect(try verdict { isAsPrinted($0) && $0.arm == "neither" ? 0.6 : 0.9 }.contains("refuted"))
    #expect(try verdict { _ in 0.9 }.contains("no harm to stop"))
    #expect(try verdict { $0.arm == "grpo" ? 0.6 : 0.9 }.contains("no harm to stop"))
  }

  @Test func differencesArePaired() throws {
    let (plan, findings) = try Self.findings { $0.arm == "full" ? 0.8 : 0.7 }
    #expect(findings.cells.count == 2 + 4 + 4)
    for cell in findings.cells {
      #expect(cell.accuracy.count == 6)
      // Over bases that differ by 0.1 a mean is uncertain, and a difference within each is not.
      #expect(try #require(cell.accuracy.margin) > 0.03)
      switch cell.cell.arm {
      case "grpo": #expect(cell.difference == nil)
      case "full":
        let difference = try #require(cell.difference)
        #expect(difference.isTold && abs(difference.mean - 0.1) < 0.02)
        #expect(try #require(difference.margin) < 0.02)
      default: #expect(abs(try #require(cell.difference).mean) < 0.02)
      }
    }
    let words = findings.words.joined(separator: "\n")
    #expect(words.contains("\(try plan.runCount) runs on 3 base policies with 2 seeds each"))
    #expect(words.contains("answer 0.500 of the held-out questions rightly"))
    #expect(words.contains("rank correlation with the labels of unseen traces −0.250"))
    #expect(words.contains("Judge: counts confident words") && words.contains("advantage mean, oneSided include: more accurate than grpo: full (+0.1"))
    #expect(words.contains("of 8 differences are told apart"))
  }

  @Test func anEmptyAblationHasNothingToSay() throws {
    let plan = try AblationPlan.parse(Self.plan, file: "plan")
    let builder = FindingsBuilder(
      plan: plan, cells: try plan.cells().map { ($0.cell, $0.settings.algorithm) }, results: [:], bases: [], judges: [:])
    #expect(builder.build().cells.isEmpty && builder.build().words.isEmpty)
  }

  @Test func curvesAreMeansOfNeighbouringSteps() throws {
    let plan = try AblationPlan.parse(Self.plan, file: "plan")
    let (cell, settings) = try plan.cells()[0]
    let runs = try plan.seeds.map { seed in
      Self.result(try plan.run(cell, settings, base: 0, seed: seed, rows: .report), seed == 1 ? 0.6 : 0.9)
    }
    let points = AblationReport.points(runs) { $0.accuracy }
    #expect(points.count == 10)
    #expect(points[0].step == 2 && abs(points[0].mean - 0.75 * 2 / 30) < 1e-9)
    #expect(points[9].step == 29 && abs(points[9].mean - 0.75 * 29 / 30) < 1e-9)
    // 12.706 x 0.15 x 29 / 30
    #expect(abs(points[9].margin - 12.706 * 0.15 * 29 / 30) < 1e-3)
    #expect(AblationReport.points([]) { $0.accuracy }.isEmpty)
  }

  @Test func thePageHasEveryCellAndEscapesNames() throws {
    let folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    defer { try? DurableFiles.remove(folder) }
    try DurableFiles.createFolder(folder)
    var plan = try AblationPlan.parse(Self.plan.replacing("full:", with: "\"<b>full\":"), file: "plan")
    plan.title = "Bold & <i>slanted</i>"
    let cells = try plan.arms.flatMap { try plan.cells(of: $0, chosen: []) }
    var results: [String: AblationResult] = [:]
    for run in try plan.runs(cells, bases: plan.bases, seeds: plan.seeds, rows: .report) {
      results[run.identity] = Self.result(run, 0.5 + 0.1 * Double(run.base))
    }
    let report = AblationReport(plan: plan, folder: folder, chosen: [], cells: cells, bases: [:])
    try report.write(results)
    let page = String(decoding: try DurableFiles.read("\(folder)/ablation.html"), as: UTF8.self)
    #expect(page.contains("Bold &amp; &lt;i&gt;slanted&lt;/i&gt;") && page.contains("&lt;b&gt;full"))
    #expect(!page.contains("<b>full") && !page.contains("<script"))
    #expect(page.components(separatedBy: "<svg").count - 1 == 4 * 4)
    #expect(page.components(separatedBy: "<polyline").count - 1 == 4 * 4 * 3)
    #expect(page.components(separatedBy: "<tr").count - 1 == 1 + 10)
    // What is there so far is shown; what other plans left is not.
    try report.write(results.filter { $0.value.cell.arm != "neither" }.merging(["x": try #require(results.values.first)]) { one, _ in one })
    let findings = try JSONDecoder().decode(AblationFindings.self, from: Data(DurableFiles.read("\(folder)/ablation.json")))
    #expect(findings.cells.map(\.cell.arm) == ["grpo", "grpo", "<b>full", "<b>full", "<b>full", "<b>full"])
  }
}
