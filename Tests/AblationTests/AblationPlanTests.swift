import Foundation
import Settings
import Testing

@testable import Ablation

struct AblationPlanTests {
  static let small = """
    bases: [3]
    seeds: [1, 2]
    judges: [trained, confident-words]
    settings: {run: {steps: 3}}
    arms:
      grpo: {algorithm: {mode: grpo}}
      full: {}
      asked: {algorithm: {trust: false}, judge: untrained}
    cross:
      algorithm.advantage: [std, mean]
      algorithm.oneSided: [exclude, include]

    """

  @Test func plansThatComeAlongAreRead() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(path: "../../cluster/ablation").standardized
    let plan = try AblationPlan.read(folder.appending(path: "plan.yaml").path)
    #expect(plan.bases.count >= 3 && plan.seeds.count >= 3)
    #expect(plan.arms.map(\.name) == ["grpo", "neither", "annealing", "trust", "full", "full untrained"])
    #expect(plan.judges == [.trained, .fewLabels, .confidentWords])
    // 4 arms x 3 judges x 4, the untrained judge x 4, and outcome rewards alone x 2.
    #expect(try plan.cells().count == 54)
    #expect(try plan.runCount == 486)
    // Outcome rewards alone with either advantage, at each learning rate.
    #expect(try plan.choiceCount == 2 * 2)
    #expect(try AblationPlan.read(folder.appending(path: "quick.yaml").path).runCount > 0)
  }

  @Test func whatCannotMatterIsOneRun() throws {
    let plan = try AblationPlan.parse(Self.small, file: "plan")
    let cells = try plan.cells()
    #expect(
      cells.filter { $0.cell.arm == "grpo" }.map(\.cell) == [
        AblationCell(arm: "grpo", judge: nil, values: ["std", nil]), AblationCell(arm: "grpo", judge: nil, values: ["mean", nil]),
      ])
    #expect(cells.filter { $0.cell.arm == "full" }.count == 8)
    #expect(cells.filter { $0.cell.arm == "asked" }.map(\.cell.judge) == [.untrained, .untrained, .untrained, .untrained])
    #expect(cells.filter { $0.cell.arm == "asked" }.allSatisfy { !$0.settings.algorithm.trust && $0.settings.algorithm.annealing })
    let runs = try plan.runs(cells, bases: plan.bases, seeds: plan.seeds, rows: .report)
    #expect(runs.count == 2 * 14)
    // One seed of everything comes before the next.
    #expect(runs.map(\.seed) == [UInt64](repeating: 1, count: 14) + [UInt64](repeating: 2, count: 14))
    #expect(runs.allSatisfy { $0.settings.run.seed == $0.seed && $0.settings.run.steps == 3 && $0.settings.algorithm.totalSteps == 3 })
  }

  @Test func aRunIsKnownByEverythingThatDecidesItsResult() throws {
    func identities(_ text: String, rows: AblationRun.Rows = .report) throws -> [String] {
      let plan = try AblationPlan.parse(text, file: "plan")
      return try plan.runs(plan.cells(), bases: plan.bases, seeds: plan.seeds, rows: rows).map(\.identity)
    }
    let usual = try identities(Self.small)
    #expect(Set(usual).count == usual.count)
    #expect(try identities(Self.small) == usual)
    // Names and places do not matter.
    #expect(try identities("title: other\nfolder: elsewhere\n" + Self.small.replacing("grpo:", with: "outcome alone:")) == usual)
    for other in [
      Self.small.replacing("steps: 3", with: "steps: 4"), Self.small.replacing("bases: [3]", with: "bases: [4]"),
      Self.small.replacing("seeds: [1, 2]", with: "seeds: [5, 6]"), "mixture: standard\n" + Self.small,
      "rows: {train: 100}\n" + Self.small, "rows: {report: 100}\n" + Self.small, "models: {thinkingSteps: 7}\n" + Self.small, "models: {startAccuracy: 0.7}\n" + Self.small,
      Self.small.replacing("steps: 3", with: "steps: 3}, optimizer: {learningRate: 1e-3"),
    ] {
      #expect(try Set(identities(other)).isDisjoint(with: usual), "\(other)")
    }
    #expect(try Set(identities(Self.small, rows: .choose)).isDisjoint(with: usual))
    // The judge is not in the settings before somebody fills it in.
    let judges = Self.small.replacing("[trained, confident-words]", with: "[few-labels, confident-words]")
    #expect(try Set(identities(judges)).intersection(usual).count == 2 * (2 + 4 + 4))
  }

  @Test func outcomeRewardsAloneAreOneRunWhateverTheThinkingIs() throws {
    let plan = try AblationPlan.parse(
      Self.small.replacing("algorithm.advantage: [std, mean]", with: "thinking.reading: [expectation, generated]"), file: "plan")
    #expect(try plan.cells().filter { $0.cell.arm == "grpo" }.map(\.cell.values) == [[nil, nil]])
    #expect(try plan.cells().filter { $0.cell.arm == "full" }.count == 8)
  }

  @Test func whatIsChosenComesBeforeWhatAnArmSays() throws {
    let plan = try AblationPlan.parse(
      Self.small.replacing("asked:", with: "slow: {optimizer: {learningRate: 1e-6}}\n  asked:"), file: "plan")
    let chosen = [ConfigurationEntry(path: "optimizer.learningRate", text: .one("4e-4"), place: "here")]
    for arm in plan.arms {
      let rates = try plan.cells(of: arm, chosen: chosen).map(\.settings.optimizer.learningRate)
      #expect(Set(rates) == [arm.name == "slow" ? 1e-6 : 4e-4])
    }
  }

  @Test(
    arguments: [
      ("basis: [1]", "no key basis", "bases"), ("bases: [1, 1]", "bases is [1, 1]", "different"),
      ("bases: []", "bases is []", "list"), ("seeds: 3", "seeds is 3", "list"), ("mixture: hard", "mixture is hard", "harder"),
      ("judges: [good]", "judges is [good]", "confident-words"), ("rows: {choose: 0}", "rows.choose is 0", "from 1"), ("models: {startAccuracy: 1}", "models.startAccuracy is 1", "below 1"),
      ("settings: {run: {step: 3}}", "no setting run.step", "run.steps"),
      ("settings: {run: {steps: x}}", "run.steps is x", "whole number"),
      ("settings: {run: {seed: 3}}", "run.seed cannot be set", "seeds"),
      ("settings: {data: {held_out_files: [x]}}", "data.held_out_files cannot be set", "rows"),
      ("settings: {run: {epochs: 2}}", "run.epochs cannot be set", "run.steps"),
      ("settings: {run: {keepGroups: false}}", "run.keepGroups cannot be set", "run.steps"),
      ("settings: {thinking: {requestSeconds: 60}}", "thinking.requestSeconds cannot be set", "thinking.reading"),
      ("settings: {algorithm: {correctThreshold: 0.2}}", "algorithm.correctThreshold cannot be set", "algorithm"),
      ("settings: {cluster: {workers: 0}}", "no worker or no scorer", "at least one"),
      ("arms: {one: {}, full: {algorithm: {oneSided: include}}}\ncross: {algorithm.oneSided: [exclude, include]}", "algorithm.oneSided is crossed, chosen or set", "what it was run with"),
      ("cross: {algorithm.advantage: [std, mean], algorithm.Advantage: [std, mean]}", "crossed, chosen or set", "what it was run with"),
      ("cross: {optimizer.learningRate: [1e-4, 1e-5]}\nchoose: {seeds: [0], arm: grpo, among: {optimizer.learningRate: [1e-4]}}", "optimizer.learningRate is crossed, chosen or set", "what it was run with"),
      ("cross: {rollout.groupSize: [\((2...400).map(String.init).joined(separator: ", "))], rollout.topK: [1, 2, 3, 4]}", "cells or more than 100 choices", "fewer"),
      ("arms: {more: 3}", "arm more is not made of settings", "{}"), ("arms: {more: {judge: best}}", "judge is best", "trained"),
      ("cross: {rollout.groupSize: 4}", "rollout.groupSize is 4", "list"),
      ("cross: {algorithm.advantage: [std, std]}", "algorithm.advantage is [std, std]", "different"),
      ("cross: {algorithm.advantage: [std, median]}", "algorithm.advantage is median", "std"),
      ("cross: {thinking.folder: [a, b]}", "thinking.folder cannot be set", "judges"),
      ("choose: {arm: full}", "choose.among is missing", "learningRate"),
      ("choose: {seeds: [0], arm: best, among: {optimizer.learningRate: [1e-4]}}", "choose.arm is best", "grpo, full"),
      ("choose: {seeds: [2], arm: grpo, among: {optimizer.learningRate: [1e-4]}}", "seed 2 is used for choosing and for reporting", "other seeds"),
      ("choose: {seeds: [0], arm: grpo, among: {optimizer.learningRate: [0]}}", "optimizer.learningRate is 0", "more than 0"),
    ])
  func aPlanThatIsWrongIsRefusedByName(_ text: String, _ message: String, _ advice: String) {
    let key = String(text.prefix { $0 != ":" })
    let rest = """
      \(key == "arms" ? "" : "arms: {grpo: {algorithm: {mode: grpo}}, full: {}}")
      \(key == "seeds" ? "" : "seeds: [1, 2]")
      """
    do {
      _ = try AblationPlan.parse(text + "\n" + rest, file: "plan.yaml")
      Issue.record("\(text) was taken")
    } catch {
      #expect("\(error)".contains(message), "\(error)")
      #expect("\(error)".contains(advice), "\(error)")
      #expect("\(error)".contains("plan.yaml"), "\(error)")
    }
  }

  @Test(arguments: ["", "arms: {}", "[1, 2]", "arms: {a: {}, a: {}}", ": :", "arms: {a: {}, b: {}}\nsettings: &x {run: {steps: 1}}\njudges: *x"])
  func whatIsNoPlanIsRefused(_ text: String) {
    #expect(throws: (any Error).self) { try AblationPlan.parse(text, file: "plan.yaml") }
  }
}
