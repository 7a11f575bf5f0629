/// How well a thinking-reward model agrees with scores it has not seen.
package struct ThinkingRewardReport: Sendable, Hashable, Codable {
  package let rows: Int
  /// Traces without a score.
  package let missing: Int
  package let meanAbsoluteError: Double
  package let rootMeanSquareError: Double
  /// Spearman's, with equal scores sharing a rank; 0 if either side is constant.
  package let rankCorrelation: Double
  /// Mean absolute error in each tenth of the true score; nil where there is no row.
  package let errorByInterval: [Double?]
  /// What the scores in each tenth are worth.
  package let calibration: [Calibration?]
  package let confusion: Confusion
  /// How often an unsound trace is preferred: of all pairs of one that is worth at most 0.4 and one that is worth at least 0.8,
  /// the share in which the first has the higher score, equal ones counting half. 0.5 is a coin. Pairs are of one problem
  /// where any problem has both, else of any two. Nil without pairs.
  package let unsoundPreferred: Double?
  package let pairs: Int
  /// By how much the score of an unsound trace rises, on average, when confident words are put behind it; nil if that was not
  /// tried.
  package internal(set) var risesByConfidence: Double?

  /// Of the rows whose score lies in one tenth.
  package struct Calibration: Sendable, Hashable, Codable {
    package let rows: Int
    package let meanScore: Double
    package let meanTruth: Double
  }

  /// Good is a score of 0.5 or more.
  package struct Confusion: Sendable, Hashable, Codable {
    package var goodTakenForGood = 0
    package var goodTakenForBad = 0
    package var badTakenForGood = 0
    package var badTakenForBad = 0
  }

  /// - Parameters:
  ///   - scores: of the model; nil where missing.
  ///   - truth: in [0, 1].
  ///   - problems: which problem each trace belongs to.
  package init(scores: [Double?], truth: [Double], problems: [String] = []) {
    let pairs = zip(scores, truth).compactMap { score, truth in score.map { (score: $0, truth: truth) } }
    rows = truth.count
    missing = truth.count - pairs.count
    let errors = pairs.map { abs($0.score - $0.truth) }
    meanAbsoluteError = Self.mean(errors)
    rootMeanSquareError = Self.mean(errors.map { $0 * $0 }).squareRoot()
    rankCorrelation = Self.correlation(Self.ranks(pairs.map(\.score)), Self.ranks(pairs.map(\.truth)))
    errorByInterval = (0..<10).map { interval in
      let inside = pairs.filter { min(9, Int($0.truth * 10 + 1e-9)) == interval }
      return inside.isEmpty ? nil : Self.mean(inside.map { abs($0.score - $0.truth) })
    }
    calibration = (0..<10).map { interval in
      let inside = pairs.filter { min(9, Int($0.score * 10 + 1e-9)) == interval }
      guard !inside.isEmpty else { return nil }
      return Calibration(rows: inside.count, meanScore: Self.mean(inside.map(\.score)), meanTruth: Self.mean(inside.map(\.truth)))
    }
    var confusion = Confusion()
    for pair in pairs {
      switch (pair.truth >= 0.5, pair.score >= 0.5) {
      case (true, true): confusion.goodTakenForGood += 1
      case (true, false): confusion.goodTakenForBad += 1
      case (false, true): confusion.badTakenForGood += 1
      case (false, false): confusion.badTakenForBad += 1
      }
    }
    self.confusion = confusion
    let named = zip(zip(scores, truth), problems.isEmpty ? truth.map { _ in "" } : problems)
      .compactMap { pair, problem in pair.0.map { (score: $0, truth: pair.1, problem: problem) } }
    let ofProblem = Dictionary(grouping: named, by: \.problem).values.map { Self.preferences($0.map { ($0.score, $0.truth) }) }
    let within = ofProblem.reduce((preferred: 0.0, pairs: 0)) { ($0.preferred + $1.preferred, $0.pairs + $1.pairs) }
    let counted = within.pairs > 0 ? within : Self.preferences(named.map { ($0.score, $0.truth) })
    self.pairs = counted.pairs
    unsoundPreferred = counted.pairs > 0 ? counted.preferred / Double(counted.pairs) : nil
  }

  /// What is worth no more than this is unsound, and no less than that sound.
  static let (unsound, sound) = (0.4, 0.8)

  private static func preferences(_ traces: [(score: Double, truth: Double)]) -> (preferred: Double, pairs: Int) {
    let bad = traces.filter { $0.truth <= unsound }.map(\.score)
    let good = traces.filter { $0.truth >= sound }.map(\.score)
    var preferred = 0.0
    for bad in bad { for good in good { preferred += bad > good ? 1 : bad == good ? 0.5 : 0 } }
    return (preferred, bad.count * good.count)
  }

  private static func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// From 0; equal values share the mean of their ranks.
  static func ranks(_ values: [Double]) -> [Double] {
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for index in order[start..<end] { ranks[index] = Double(start + end - 1) / 2 }
      start = end
    }
    return ranks
  }

  /// Pearson's.
  static func correlation(_ a: [Double], _ b: [Double]) -> Double {
    let (meanA, meanB) = (mean(a), mean(b))
    var (ab, aa, bb) = (0.0, 0.0, 0.0)
    for (x, y) in zip(a, b) {
      ab += (x - meanA) * (y - meanB)
      aa += (x - meanA) * (x - meanA)
      bb += (y - meanB) * (y - meanB)
    }
    return aa > 0 && bb > 0 ? ab / (aa * bb).squareRoot() : 0
  }
}
