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

  /// - Parameters:
  ///   - scores: of the model; nil where missing.
  ///   - truth: in [0, 1].
  package init(scores: [Double?], truth: [Double]) {
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
