internal import Foundation
internal import TrustGRPO

/// What the runs of an ablation say: numbers of every cell, differences from the first arm, and sentences that follow from them.
package struct AblationFindings: Sendable, Codable {
  package struct Cell: Sendable, Codable {
    package var cell: AblationCell
    package var accuracy: Estimate
      /// Over pairs of runs with the same base and seed, from the first arm's cell with the same judge, if that has one, and the
    /// same values; nil for that itself, and where there is none.
    package var difference: Estimate?
    package var soundness: Estimate
    package var confidentWords: Estimate
    /// Over all steps.
    package var oneSided: Estimate
  }

  package var cells: [Cell]
  /// Greedy accuracy and soundness of the base policies, by base.
  package var bases: [GreedyMeasure]
  /// Plain sentences, in order.
  package var words: [String]
}

struct FindingsBuilder {
  let plan: AblationPlan
  /// With the settings that each stands for.
  let cells: [(cell: AblationCell, settings: TrustGRPOSettings)]
  /// The results of each cell, by base and seed.
  let results: [AblationCell: [RunKey: AblationResult]]
  let bases: [GreedyMeasure]
  /// Rank correlation of each judge with the labels of held-out traces, by base.
  let judges: [AblationPlan.Judge: [Double]]
  /// Of the whole plan.
  let runCount: Int

  struct RunKey: Hashable, Comparable {
    let base: UInt64
    let seed: UInt64

    static func < (one: RunKey, other: RunKey) -> Bool { (one.base, one.seed) < (other.base, other.seed) }
  }

  func build() -> AblationFindings {
    let found = cells.compactMap { summary(of: $0.cell) }
    return AblationFindings(cells: found, bases: bases, words: found.isEmpty ? [] : words(found))
  }

  // MARK: Numbers

  private func summary(of cell: AblationCell) -> AblationFindings.Cell? {
    guard let runs = results[cell], !runs.isEmpty else { return nil }
    func estimate(_ value: (AblationResult) -> Double) -> Estimate { Self.estimate(runs.mapValues(value)) }
    return AblationFindings.Cell(
      cell: cell, accuracy: estimate(\.end.accuracy), difference: reference(of: cell).flatMap { difference(cell, $0) },
      soundness: estimate(\.end.soundness), confidentWords: estimate(\.end.confidentWords),
      oneSided: estimate { average($0.steps.map(\.oneSided)) })
  }

  /// Of `one` less `other` in end accuracy, paired; nil without pairs.
  private func difference(_ one: AblationCell, _ other: AblationCell) -> Estimate? {
    guard let ours = results[one], let theirs = results[other] else { return nil }
    let pairs = ours.compactMap { key, run in theirs[key].map { (key, run.end.accuracy - $0.end.accuracy) } }
    return pairs.isEmpty ? nil : Self.estimate(Dictionary(pairs) { first, _ in first })
  }

  private static func estimate(_ values: [RunKey: Double]) -> Estimate {
    let bases = Dictionary(grouping: values.sorted { $0.key < $1.key }) { $0.key.base }
    return Estimate(byBase: bases.sorted { $0.key < $1.key }.map { $0.value.map(\.value) })
  }

  /// The first arm's cell with the same judge and values, as far as it has any.
  private func reference(of cell: AblationCell) -> AblationCell? {
    guard let first = plan.arms.first?.name, cell.arm != first else { return nil }
    return cells.lazy.map(\.cell).first { other in
      other.arm == first && (other.judge == nil || other.judge == cell.judge)
        && zip(other.values, cell.values).allSatisfy { $0 == nil || $0 == $1 }
    }
  }

  // MARK: Words

  private func words(_ found: [AblationFindings.Cell]) -> [String] {
    let runs = Set(results.values.flatMap { $0.values.map(\.identity) }).count
    let most = found.map(\.accuracy.count).max() ?? 0
    let hasIntervals = found.contains { $0.accuracy.margin != nil }
    var words = [
      "\(runs == runCount ? "\(runs)" : "So far \(runs) of \(runCount)") runs: every cell on \(counted(plan.bases.count, "base policy", "base policies")) with \(counted(plan.seeds.count, "seed", "seeds")) each. "
        + (hasIntervals
          ? "± is a 95 % confidence interval for these base policies and these held-out rows, over up to \(most) runs: Student's t on what differs between seeds of one base. Differences are taken between runs with the same base policy and seed."
          : "With one run of each nothing can be told apart from chance.")
    ]
    if !bases.isEmpty {
      words.append(
        "Before training \(bases.count == 1 ? "the base policy answers" : "the base policies answer") \(range(bases.map(\.accuracy))) of the held-out questions rightly, with a soundness of \(range(bases.map(\.soundness))) and \(range(bases.map(\.confidentWords))) confident words a response.")
    }
    for cell in found where cell.cell.arm == plan.arms.first?.name {
      words.append("\(name(cell.cell)) ends at an accuracy of \(cell.accuracy.words), a soundness of \(cell.soundness.words).")
    }
    let compared = found.filter { $0.difference != nil }
    for judge in [nil] + plan.allJudges {
      let ofJudge = compared.filter { $0.cell.judge == judge }
      let quality = judge.flatMap { judges[$0] }.map { " (rank correlation with the labels of unseen traces \(range($0)))" } ?? ""
      for values in unique(ofJudge.map(\.cell.values)) {
        let cells = ofJudge.filter { $0.cell.values == values }
        let place = [judge.map { "Judge: \($0.words)\(quality)" } ?? "No judge", named(values)].filter { !$0.isEmpty }
        words.append("\(place.joined(separator: ", ")): \(told(cells)).")
      }
    }
    let testable = compared.filter { $0.difference?.margin != nil }
    guard !testable.isEmpty else { return words }
    words.append(
      "\(testable.count { $0.difference?.isTold ?? false }) of \(testable.count) differences are told apart from 0; if there were none at all, \(String(format: "%.1f", 0.05 * Double(testable.count))) of them would be on average, and not independently, because they share the runs of \(plan.arms[0].name).")
    return words + claim(found)
  }

  private func told(_ cells: [AblationFindings.Cell]) -> String {
    let reference = plan.arms.first?.name ?? ""
    func list(_ part: [AblationFindings.Cell]) -> String {
      part.map { "\($0.cell.arm) (\($0.difference?.signed ?? ""))" }.joined(separator: ", ")
    }
    let above = cells.filter { ($0.difference?.isTold ?? false) && ($0.difference?.mean ?? 0) > 0 }
    let below = cells.filter { ($0.difference?.isTold ?? false) && ($0.difference?.mean ?? 0) < 0 }
    let open = cells.filter { !($0.difference?.isTold ?? false) }
    guard cells.contains(where: { $0.difference?.margin != nil }) else { return "to \(reference) \(list(cells))" }
    let parts = [
      above.isEmpty ? nil : "more accurate than \(reference): \(list(above))",
      below.isEmpty ? nil : "less accurate than \(reference): \(list(below))",
      open.isEmpty ? nil : "not told apart from \(reference): \(list(open))",
    ]
    return parts.compactMap(\.self).joined(separator: "; ")
  }

  /// Whether trust and annealing hold off a judge that can be hacked where equation 6 divides by the deviation of groups that
  /// are only right or only wrong, and what remedies do. Says nothing where the plan does not ask just that.
  private func claim(_ found: [AblationFindings.Cell]) -> [String] {
    guard plan.cross.count == 2, cells.first.map({ !$0.settings.usesThinking && $0.cell.arm == plan.arms[0].name }) == true,
      let full = arm(trust: true, annealing: true), let neither = arm(trust: false, annealing: false)
    else { return [] }
    func cell(_ arm: String, _ judge: AblationPlan.Judge, _ scale: AdvantageScale, _ groups: OneSidedGroups) -> AblationFindings.Cell? {
      cells.first {
        $0.cell.arm == arm && $0.cell.judge == judge && $0.settings.advantage == scale && $0.settings.oneSided == groups
      }.flatMap { wanted in found.first { $0.cell == wanted.cell } }
    }
    return plan.judges.compactMap { judge in
      guard let asPrinted = cell(full, judge, .std, .include), let without = cell(neither, judge, .std, .include),
        let excluded = cell(full, judge, .std, .exclude), let centred = cell(full, judge, .mean, .include),
        let lost = asPrinted.difference, let harm = without.difference,
        let byExcluding = difference(excluded.cell, asPrinted.cell), let byCentring = difference(centred.cell, asPrinted.cell),
        let byFactor = difference(asPrinted.cell, without.cell),
        [lost, harm, byExcluding, byCentring, byFactor].allSatisfy({ $0.margin != nil })
      else { return nil }
      let verdict = Self.verdict(harm: harm, lost: lost, byFactor: byFactor, byExcluding: byExcluding, byCentring: byCentring)
      return
        "That trust and annealing cannot stop a bad judge where advantages are divided by the group's deviation and one-sided groups are included (equation 6 cancels their factor), judge “\(judge.words)”: \(verdict). There it ends at \(without.accuracy.words) without them (\(harm.signed) to \(plan.arms[0].name)) and at \(asPrinted.accuracy.words) with them (\(lost.signed) to \(plan.arms[0].name); they change it by \(byFactor.signed)). With one-sided groups excluded the full method ends at \(excluded.accuracy.words) (\(byExcluding.signed)), with advantages that are only centred at \(centred.accuracy.words) (\(byCentring.signed))."
    }
  }

  /// - Parameters:
  ///   - harm: without trust and annealing, to outcome rewards alone.
  ///   - lost: with them, to the same.
  ///   - byFactor: with them, to without them.
  ///   - byExcluding: one-sided groups excluded, to included; byCentring: advantages centred, to divided.
  static func verdict(harm: Estimate, lost: Estimate, byFactor: Estimate, byExcluding: Estimate, byCentring: Estimate) -> String {
    func falls(_ estimate: Estimate) -> Bool { estimate.isTold && estimate.mean < 0 }
    func rises(_ estimate: Estimate) -> Bool { estimate.isTold && estimate.mean > 0 }
    guard falls(harm) else { return "not put to the test: no harm by this judge can be told there" }
    if rises(byFactor) {
      return falls(lost) ? "refuted in part: they help there, and not enough" : "refuted: they help there, and no harm that is left can be told"
    }
    guard falls(lost) else { return "undecided: neither their help nor the harm that is left can be told" }
    let remedies = [(byExcluding, "excluding one-sided groups"), (byCentring, "centring alone")].map { estimate, name in
      rises(estimate) ? "\(name) does better" : falls(estimate) ? "\(name) does worse" : "\(name) is not told apart"
    }
    return "confirmed: their help there cannot be told; \(remedies.joined(separator: ", "))"
  }

  /// The first arm with the plan's judges that uses the thinking reward in this way and is as usual otherwise.
  private func arm(trust: Bool, annealing: Bool) -> String? {
    cells.first { entry in
      entry.settings.usesThinking && entry.settings.mode == .paper && entry.settings.trust == trust
        && entry.settings.annealing == annealing && plan.arms.contains { $0.name == entry.cell.arm && $0.judge == nil }
    }?.cell.arm
  }

  private func name(_ cell: AblationCell) -> String {
    let values = named(cell.values)
    return cell.arm + (cell.judge.map { ", \($0.words)" } ?? "") + (values.isEmpty ? "" : ", \(values)")
  }

  private func named(_ values: [String?]) -> String {
    zip(plan.cross, values).compactMap { axis, value in value.map { "\(axis.shortName) \($0)" } }.joined(separator: ", ")
  }

  private func counted(_ count: Int, _ one: String, _ several: String) -> String { "\(count) \(count == 1 ? one : several)" }

  private func range(_ values: [Double]) -> String {
    let texts = [values.min() ?? 0, values.max() ?? 0].map { String(format: "%.3f", $0) }
    return texts[0] == texts[1] ? texts[0] : "\(texts[0]) to \(texts[1])"
  }
}

extension AblationPlan.Axis {
  /// `advantage` of `algorithm.advantage`.
  var shortName: String { key.split(separator: ".").last.map(String.init) ?? key }
}

/// Without what was there before, in order.
func unique<Element: Hashable>(_ elements: [Element]) -> [Element] {
  var seen: Set<Element> = []
  return elements.filter { seen.insert($0).inserted }
}
