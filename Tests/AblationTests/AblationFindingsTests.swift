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
      ([1, 2, 3, 4], 2.5, 2.054260), ([0.5, 0.7], 0.6, 1.270620), ((0..<40).map(Double.init), 19.5, 3.738788),
      ((0..<9).map { 0.1 * Double($0 * $0) }, 2.266667, 1.750303),
    ]
    for (values, mean, margin) in cases {
      let estimate = Estimate(byBase: [values])
      #expect(abs(estimate.mean - mean) < 1e-5)
      #expect(abs(try #require(estimate.margin) - margin) < 3e-4 * margin, "\(values.count) \(estimate)")
      #expect(estimate.count == values.count)
    }
  }

  @Test func whatDiffersBetweenBasesIsNotChance() throws {
    let near = Estimate(byBase: [[0.1, 0.2, 0.3], [0.5, 0.6, 0.7], [0.8, 0.9, 1.0]])
    // t(6) = 2.447; the deviations from the bases' means are -0.1, 0, 0.1 three times: sqrt(0.06 / 6 / 9).
    #expect(abs(try #require(near.margin) - 2.447 * (0.01 / 9.0).squareRoot()) < 1e-9)
    #expect(abs(near.mean - 5.1 / 9) < 1e-9 && near.count == 9)
    // One run of each leaves nothing to tell chance by; bases without runs do not count.
    #expect(Estimate(byBase: [[0.1], [0.5], [0.9]]).margin == nil)
    #expect(Estimate(byBase: [[0.1, 0.3], []]) == Estimate(byBase: [[0.1, 0.3]]))
  }

  @Test func numbersAreWrittenWithTheirSign() {
    #expect(Estimate(byBase: [[0.4]]).words == "0.400" && !Estimate(byBase: [[0.4]]).isTold)
    #expect(Estimate(byBase: [[-0.25, -0.25]]).signed == "−0.250 ± 0.000")
    #expect(Estimate(byBase: [[0.25, 0.25]]).signed == "+0.250 ± 0.000")
    #expect(Estimate(byBase: [[-0.0001]]).signed == "0.000")
  }

  @Test func toldApartIsWithZeroOutside() {
    #expect(Estimate(byBase: [[0.1, 0.11, 0.12]]).isTold)
    #expect(!Estimate(byBase: [[-0.1, 0.1, 0.12]]).isTold)
    // One row more in both of two runs is no finding.
    #expect(!Estimate(byBase: [[0, 0, 0]]).isTold && !Estimate(byBase: [[0.004, 0.004]]).isTold)
  }
}

struct WordJudgeTests {
  @Test func confidentWordsAreCountedUpToFour() {
    for (thinking, score) in [
      ("", 0.0), ("red 5 . blue 3 . 5 + 3 = 8 .", 0), ("roughly 8 .", 0), ("clearly 8 .", 0.25), ("clearly surely 8 .", 0.5),
      ("clearly surely obviously.clearly 8 .", 1), (String(repeating: "surely ", count: 9), 1), ("clearlysurely Clearly", 0),
    ] {
      #expect(Ablation.countedScore(thinking) == score, "\(thinking)")
    }
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
  private static func findings(
    _ text: String = Self.plan, missing: Int = 0, _ accuracy: (AblationCell) -> Double
  ) throws -> (AblationPlan, AblationFindings) {
    let plan = try AblationPlan.parse(text, file: "plan")
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
      judges: [.confidentWords: [-0.3, -0.2]], runCount: results.values.reduce(0) { $0 + $1.count } + missing)
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
    let words = try Self.findings(Self.plan, missing: 0, accuracy).1.words
    return try #require(words.first { $0.hasPrefix("That trust and annealing cannot stop") })
  }

  @Test func theFindingFollowsFromWhatIsToldApart() throws {
    func isAsPrinted(_ cell: AblationCell) -> Bool { cell.values == ["std", "include"] && cell.judge != nil }
    func isCentred(_ cell: AblationCell) -> Bool { cell.values.first == "mean" && cell.judge != nil }
    func isExcluded(_ cell: AblationCell) -> Bool { cell.values.last == "exclude" && cell.judge != nil }
    #expect(try verdict { isAsPrinted($0) ? 0.6 : 0.9 }.contains("confirmed: their help there cannot be told; excluding one-sided groups does better, centring alone does better"))
    #expect(try verdict { isAsPrinted($0) || isCentred($0) ? 0.6 : 0.9 }.contains("excluding one-sided groups does better, centring alone is not told apart"))
    #expect(try verdict { isAsPrinted($0) || isExcluded($0) ? 0.6 : 0.9 }.contains("excluding one-sided groups is not told apart, centring alone does better"))
    #expect(try verdict { isAsPrinted($0) ? 0.6 : isCentred($0) && $0.arm == "full" ? 0.3 : 0.9 }.contains("centring alone does worse"))
    #expect(try verdict { isAsPrinted($0) ? ($0.arm == "full" ? 0.88 : 0.2) : 0.95 }.contains("refuted in part: they help there, and not enough"))
    #expect(try verdict { isAsPrinted($0) && $0.arm == "neither" ? 0.6 : 0.9 }.contains("refuted: they help there, and no harm that is left can be told"))
    #expect(try verdict { _ in 0.9 }.contains("not put to the test"))
    #expect(try verdict { $0.arm == "grpo" ? 0.6 : 0.9 }.contains("not put to the test"))
  }

  @Test func notToldApartIsNoVerdict() {
    func estimate(_ mean: Double, _ margin: Double) -> Estimate {
      var estimate = Estimate(byBase: [[mean]])
      estimate.margin = margin
      return estimate
    }
    let none = estimate(0, 0.1)
    #expect(
      FindingsBuilder.verdict(
        harm: estimate(-0.030, 0.028), lost: estimate(-0.028, 0.030), byFactor: estimate(0.002, 0.04), byExcluding: none, byCentring: none
      ).hasPrefix("undecided"))
  }

  @Test func nothingIsClaimedThatThePlanDoesNotAsk() throws {
    func claims(_ text: String) throws -> Int {
      try Self.findings(text) { $0.values == ["std", "include"] && $0.judge != nil ? 0.6 : 0.9 }.1.words.count { $0.hasPrefix("That trust") }
    }
    #expect(try claims(Self.plan) == 1)
    // Another first arm, another mode, another axis, one seed.
    #expect(try claims(Self.plan.replacing("grpo: {algorithm: {mode: grpo}}", with: "first: {algorithm: {alpha: 0.1}}")) == 0)
    #expect(try claims(Self.plan.replacing("full: {}", with: "full: {algorithm: {mode: released-code}}")) == 0)
    #expect(try claims(Self.plan + "  rollout.groupSize: [4, 8]\n") == 0)
    #expect(try claims(Self.plan.replacing("seeds: [1, 2]", with: "seeds: [1]")) == 0)
  }

  @Test func differencesArePaired() throws {
    let (plan, findings) = try Self.findings { $0.arm == "full" ? 0.8 : 0.7 }
    #expect(findings.cells.count == 2 + 4 + 4)
    for cell in findings.cells {
      #expect(cell.accuracy.count == 6)
      // Bases differ by 0.1, seeds of one base by 0.01.
      #expect(try #require(cell.accuracy.margin) < 0.02)
      switch cell.cell.arm {
      case "grpo": #expect(cell.difference == nil)
      case "full":
        let difference = try #require(cell.difference)
        #expect(difference.isTold && abs(difference.mean - 0.1) < 0.02)
        #expect(try #require(difference.margin) < 0.03)
      default: #expect(abs(try #require(cell.difference).mean) < 0.02)
      }
    }
    let words = findings.words.joined(separator: "\n")
    #expect(words.contains("\(try plan.runCount) runs: every cell on 3 base policies with 2 seeds each"))
    #expect(words.contains("answers 0.500 of the held-out questions rightly"))
    #expect(words.contains("rank correlation with the labels of unseen traces -0.300 to -0.200)"))
    #expect(words.contains("Judge: counts confident words") && words.contains("advantage mean, oneSided include: more accurate than grpo: full (+0.1"))
    #expect(words.contains("of 8 differences are told apart") && words.contains("0.4 of them would be on average"))
    #expect(try Self.findings(missing: 3) { _ in 0.5 }.1.words[0].hasPrefix("So far 60 of 63 runs"))
  }

  @Test func aPartnerThatIsMissingLeavesItsPairOut() throws {
    let plan = try AblationPlan.parse(Self.plan, file: "plan")
    let cells = try plan.cells()
    var results: [AblationCell: [FindingsBuilder.RunKey: AblationResult]] = [:]
    for (cell, settings) in cells where cell.values.first == "std" {
      for base in plan.bases {
        for seed in plan.seeds where !(cell.arm == "grpo" && base == 2) {
          let run = try plan.run(cell, settings, base: base, seed: seed, rows: .report)
          let accuracy = (cell.arm == "grpo" ? 0.5 : 0.6) + 0.01 * Double(seed * (base + 1)) + (base == 2 ? 0.3 : 0)
          results[cell, default: [:]][.init(base: base, seed: seed)] = Self.result(run, accuracy)
        }
      }
    }
    let findings = FindingsBuilder(
      plan: plan, cells: cells.map { ($0.cell, $0.settings.algorithm) }, results: results, bases: [], judges: [:], runCount: 60
    ).build()
    let full = try #require(findings.cells.first { $0.cell.arm == "full" })
    #expect(full.accuracy.count == 6 && full.difference?.count == 4)
    #expect(abs(try #require(full.difference?.mean) - 0.1) < 1e-9)
  }

  @Test func oneRunOfEachSaysNothingAboutChance() throws {
    let once = Self.plan.replacing("[0, 1, 2]", with: "[0]").replacing("seeds: [1, 2]", with: "seeds: [1]")
    let words = try Self.findings(once) { $0.values == ["std", "include"] && $0.arm == "full" ? 0.3 : 0.9 }.1.words.joined(separator: "\n")
    #expect(words.contains("10 runs: every cell on 1 base policy with 1 seed each. With one run of each nothing can be told apart"))
    #expect(words.contains("std, oneSided include: to grpo neither ("))
    #expect(!words.contains("not told apart") && !words.contains("95 %") && !words.contains("That trust and annealing"))
  }

  @Test func anEmptyAblationHasNothingToSay() throws {
    let plan = try AblationPlan.parse(Self.plan, file: "plan")
    let builder = FindingsBuilder(
      plan: plan, cells: try plan.cells().map { ($0.cell, $0.settings.algorithm) }, results: [:], bases: [], judges: [:], runCount: 10)
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
    // Student's t for one degree of freedom, 12.706, times 0.15 x 29 / 30.
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
    let report = AblationReport(plan: plan, folder: folder, chosen: [], isChosenAtEnd: false, cells: cells, bases: [:], runCount: 60)
    try report.write(results)
    let page = String(decoding: try DurableFiles.read("\(folder)/ablation.html"), as: UTF8.self)
    #expect(page.contains("Bold &amp; &lt;i&gt;slanted&lt;/i&gt;") && page.contains("&lt;b&gt;full"))
    #expect(!page.contains("<b>full") && !page.contains("<script"))
    #expect(page.components(separatedBy: "<svg").count - 1 == 4 * 4)
    #expect(page.components(separatedBy: "<polyline").count - 1 == 4 * 4 * 3)
    #expect(page.components(separatedBy: "<tr").count - 1 == 1 + 10)
    #expect(page.contains("60 runs of 30 steps"))
    // What is there so far is shown; what another plan left is not.
    let other = try AblationPlan.parse(Self.plan.replacing("seeds: [1, 2]", with: "seeds: [3]"), file: "other")
    let (cell, settings) = try other.cells()[0]
    let foreign = Self.result(try other.run(cell, settings, base: 0, seed: 3, rows: .report), 0)
    try report.write(results.filter { $0.value.cell.arm != "neither" }.merging([foreign.identity: foreign]) { one, _ in one })
    #expect(String(decoding: try DurableFiles.read("\(folder)/ablation.html"), as: UTF8.self).contains("36 of 60 runs of 30 steps"))
    let findings = try JSONDecoder().decode(AblationFindings.self, from: Data(DurableFiles.read("\(folder)/ablation.json")))
    #expect(findings.cells.map(\.cell.arm) == ["grpo", "grpo", "<b>full", "<b>full", "<b>full", "<b>full"])
    #expect(findings.cells.allSatisfy { $0.accuracy.count == 6 && abs($0.accuracy.mean - 0.6) < 1e-9 })
  }
}
