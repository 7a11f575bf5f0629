internal import Foundation
internal import TrustGRPO

/// What the runs of an ablation say: numbers of every cell, differences from the first arm, and sentences that follow from them.
package struct AblationFindings: Sendable, Codable {
  package struct Cell: Sendable, Codable {
    package var cell: AblationCell
    package var accuracy: Estimate
    /// Over pairs of runs with the same base and seed, from the first arm's cell with the same values; nil for that itself.
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
  /// Rank correlation of each judge with the labels of held-out traces, over the bases.
  let judges: [AblationPlan.Judge: Estimate]

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
    func estimate(_ value: (AblationResult) -> Double) -> Estimate { Estimate(runs.sorted { $0.key < $1.key }.map { value($0.value) }) }
    return AblationFindings.Cell(
      cell: cell, accuracy: estimate(\.end.accuracy), difference: reference(of: cell).flatMap { difference(cell, $0) },
      soundness: estimate(\.end.soundness), confidentWords: estimate(\.end.confidentWords),
      oneSided: estimate { average($0.steps.map(\.oneSided)) })
  }

  /// Of `one` less `other` in end accuracy, paired; nil without pairs.
  private func difference(_ one: AblationCell, _ other: AblationCell) -> Estimate? {
    guard let ours = results[one], let theirs = results[other] else { return nil }
    let pairs = ours.keys.sorted().compactMap { key in
      ours[key].flatMap { ours in theirs[key].map { ours.end.accuracy - $0.end.accuracy } }
    }
    return pairs.isEmpty ? nil : Estimate(pairs)
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
    var words: [String] = []
    let counts = found.map(\.accuracy.count)
    let runs = Set(results.values.flatMap { $0.values.map(\.identity) }).count
    words.append(
      "\(runs) runs on \(plan.bases.count) base policies with \(plan.seeds.count) seeds each. ± is the 95 % confidence interval of a mean over \(counts.min() ?? 0)\(counts.min() == counts.max() ? "" : " to \(counts.max() ?? 0)") runs, which are taken as independent; the few base policies are not a sample of all there could be. Differences are taken between runs with the same base policy and seed.")
    if !bases.isEmpty {
      words.append(
        "Before training the base policies answer \(range(bases.map(\.accuracy))) of the held-out questions rightly, with a soundness of \(range(bases.map(\.soundness))) and \(range(bases.map(\.confidentWords))) confident words a response.")
    }
    for cell in found where cell.cell.arm == plan.arms.first?.name {
      words.append("\(name(cell.cell)) ends at an accuracy of \(cell.accuracy.words), a soundness of \(cell.soundness.words).")
    }
    let compared = found.filter { $0.difference != nil }
    for judge in Set(compared.map(\.cell.judge)).sorted(by: { order($0) < order($1) }) {
      let ofJudge = compared.filter { $0.cell.judge == judge }
      let quality = judge.flatMap { judges[$0] }.map { " (rank correlation with the labels of unseen traces \($0.words))" } ?? ""
      for values in unique(ofJudge.map(\.cell.values)) {
        let cells = ofJudge.filter { $0.cell.values == values }
        words.append("\(judge.map { "Judge: \($0.words)\(quality)" } ?? "No judge"), \(named(values)): \(told(cells)).")
      }
    }
    let told = compared.count { $0.difference?.isTold ?? false }
    words.append(
      "\(told) of \(compared.count) differences are told apart from 0; if there were none at all, about \(Int((0.05 * Double(compared.count)).rounded())) would be by chance.")
    words += claim(found)
    return words
  }

  private func told(_ cells: [AblationFindings.Cell]) -> String {
    let reference = plan.arms.first?.name ?? ""
    func list(_ part: [AblationFindings.Cell]) -> String {
      part.map { "\($0.cell.arm) (\($0.difference?.signed ?? ""))" }.joined(separator: ", ")
    }
    let above = cells.filter { ($0.difference?.isTold ?? false) && ($0.difference?.mean ?? 0) > 0 }
    let below = cells.filter { ($0.difference?.isTold ?? false) && ($0.difference?.mean ?? 0) < 0 }
    let open = cells.filter { !($0.difference?.isTold ?? false) }
    let parts = [
      above.isEmpty ? nil : "more accurate than \(reference): \(list(above))",
      below.isEmpty ? nil : "less accurate than \(reference): \(list(below))",
      open.isEmpty ? nil : "not told apart from \(reference): \(list(open))",
    ]
    return parts.compactMap(\.self).joined(separator: "; ")
  }

  /// Whether trust and annealing hold off a judge that can be hacked where equation 6 divides by the deviation of groups that
  /// are only right or only wrong, and what remedies do. Says nothing where the plan does not ask.
  private func claim(_ found: [AblationFindings.Cell]) -> [String] {
    guard let full = arm(trust: true, annealing: true), let neither = arm(trust: false, annealing: false) else { return [] }
    func cell(_ arm: String, _ judge: AblationPlan.Judge, _ scale: AdvantageScale, _ groups: OneSidedGroups) -> AblationFindings.Cell? {
      cells.first {
        $0.cell.arm == arm && $0.cell.judge == judge && $0.settings.advantage == scale && $0.settings.oneSided == groups
      }.flatMap { wanted in found.first { $0.cell == wanted.cell } }
    }
    return plan.judges.flatMap { judge -> [String] in
      guard let asPrinted = cell(full, judge, .std, .include), let without = cell(neither, judge, .std, .include),
        let excluded = cell(full, judge, .std, .exclude), let centred = cell(full, judge, .mean, .include),
        let lost = asPrinted.difference
      else { return [] }
      let byExcluding = difference(excluded.cell, asPrinted.cell)
      let byCentring = difference(centred.cell, asPrinted.cell)
      let byFactor = difference(asPrinted.cell, without.cell)
      let (isHacked, excludingHelps, centringHelps) = (
        lost.isTold && lost.mean < 0, byExcluding.map { $0.isTold && $0.mean > 0 } ?? false,
        byCentring.map { $0.isTold && $0.mean > 0 } ?? false
      )
      let verdict =
        switch (isHacked, excludingHelps, centringHelps) {
        case (true, true, true): "confirmed: they do not hold this judge off there, and either remedy does better"
        case (true, true, false): "confirmed in part: they do not hold this judge off there, excluding one-sided groups does better, centring alone is not told apart"
        case (true, false, true): "confirmed in part: they do not hold this judge off there, centring alone does better, excluding one-sided groups is not told apart"
        case (true, false, false): "confirmed in part: they do not hold this judge off there, but neither remedy is told apart from it"
        case (false, _, _) where without.difference.map { $0.isTold && $0.mean < 0 } ?? false:
          "refuted: without them this judge does harm there, and with them it does not"
        case (false, _, _): "no harm to stop: with this judge nothing is less accurate than \(plan.arms[0].name) there"
        }
      return [
        "That trust and annealing cannot stop a bad judge where advantages are divided by the group's deviation and one-sided groups are included (equation 6 cancels their factor), judge “\(judge.words)”: \(verdict). There the full method ends at \(asPrinted.accuracy.words) (\(lost.signed) to \(plan.arms[0].name)), without trust and annealing at \(without.accuracy.words) (trust and annealing change it by \(byFactor?.signed ?? "–")); with one-sided groups excluded it ends at \(excluded.accuracy.words) (\(byExcluding?.signed ?? "–")), with advantages that are only centred at \(centred.accuracy.words) (\(byCentring?.signed ?? "–"))."
      ]
    }
  }

  /// The first arm with the plan's judges that uses the thinking reward in this way.
  private func arm(trust: Bool, annealing: Bool) -> String? {
    cells.first { entry in
      entry.settings.usesThinking && entry.settings.trust == trust && entry.settings.annealing == annealing
        && plan.arms.contains { $0.name == entry.cell.arm && $0.judge == nil }
    }?.cell.arm
  }

  private func name(_ cell: AblationCell) -> String {
    let values = named(cell.values)
    return cell.arm + (cell.judge.map { ", \($0.words)" } ?? "") + (values.isEmpty ? "" : ", \(values)")
  }

  private func named(_ values: [String?]) -> String {
    zip(plan.cross, values).compactMap { axis, value in value.map { "\(axis.shortName) \($0)" } }.joined(separator: ", ")
  }

  private func order(_ judge: AblationPlan.Judge?) -> Int {
    judge.flatMap { plan.judges.firstIndex(of: $0) } ?? plan.judges.count
  }

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
