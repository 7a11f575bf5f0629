internal import Foundation

/// Where adding workers stops paying.
extension Planning {
  /// Twice the workers must bring this much more, as a share.
  package static var worthwhile: Double { 0.1 }

  /// The fewest workers among `rows`, all of one staleness, from which twice as many bring less than `worthwhile` more.
  ///
  /// - Returns: nil if that point lies beyond the rows.
  package static func enough(_ rows: [Row]) -> Int? {
    let points = rows.compactMap { row in row.state.map { (workers: Double(row.workers), speed: $0.responsesPerSecond) } }
      .sorted { $0.workers < $1.workers }
    guard let last = points.last else { return nil }
    return points.first { point in
      guard point.workers * 2 <= last.workers, let doubled = speed(at: point.workers * 2, points) else { return false }
      return doubled < point.speed * (1 + worthwhile)
    }.map { Int($0.workers) }
  }

  /// Between two rows the speed is taken to follow a power of the number of workers.
  private static func speed(at workers: Double, _ points: [(workers: Double, speed: Double)]) -> Double? {
    guard let next = points.firstIndex(where: { $0.workers >= workers }) else { return nil }
    let above = points[next]
    guard next > 0, above.workers > workers else { return above.speed }
    let below = points[next - 1]
    guard below.speed > 0, above.speed > 0 else { return nil }
    let exponent = log(above.speed / below.speed) / log(above.workers / below.workers)
    return below.speed * pow(workers / below.workers, exponent)
  }
}

/// What limits a run in its steady state.
package enum Bottleneck: String, Sendable, Hashable {
  case workers, scorers, learner, link, loop = "control plane", journal, prompts
}

extension SteadyState {
  /// What is used most; the number of prompts where workers have nothing to do and nothing else is full.
  package var bottleneck: Bottleneck {
    let uses: [(Bottleneck, Double)] = [
      (.loop, loopBusy), (.journal, journalBusy), (.link, linkBusy), (.learner, 1 - learnerIdle), (.scorers, 1 - scorerIdle), (.workers, 1 - workerIdle),
    ]
    let most = uses.max { $0.1 < $1.1 } ?? (.workers, 1)
    return most.1 < 0.5 ? .prompts : most.0
  }
}
