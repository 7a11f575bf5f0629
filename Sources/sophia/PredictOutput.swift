internal import Dashboard
internal import DataSets
internal import Foundation
internal import Runs
internal import Simulator

/// What `sophia simulate --predict` says.
struct PredictOutput: Sendable {
  let options: SimulationOptions
  let calibration: CostCalibration?
  /// The run folder as it was named.
  let run: String?

  // MARK: Where the costs come from

  var findings: String? {
    guard let calibration, let run else { return nil }
    let cores = calibration.cores.map { "\(number($0)) cores shared" } ?? "cores not known: taken as not shared"
    let width = calibration.findings.map(\.name.count).max() ?? 0
    var lines = [
      "costs of \(run): \(calibration.workers) workers, \(calibration.options.scorers) scorers, \(cores); "
        + "\(number(calibration.responsesPerSecond)) responses/s at the median step"
    ]
    lines += calibration.findings.map { finding in
      let name = finding.name.padding(toLength: width, withPad: " ", startingAt: 0)
      let range = finding.low < finding.high ? " (\(number(finding.low)) to \(number(finding.high)))" : ""
      return "  \(name)  \(number(finding.value)) \(finding.unit)\(range), from \(finding.origin)"
    }
    lines.append(
      "  on cores of their own: \(number(options.costs.tokensPerSecond)) tokens/s a worker, \(number(options.costs.scoringSeconds)) s to score "
        + "a group, \(number(options.costs.trainingSecondsPerGroup)) s to train one; assumed: a link of \(number(options.costs.linkBytesPerSecond)) bytes/s, "
        + "\(number(options.costs.eventSeconds * 1e6)) us of the learner's loop an event")
    return lines.joined(separator: "\n")
  }

  // MARK: The table

  static let columns = [
    "K", "workers", "responses/s", "groups/s", "tokens/s", "speed-up", "efficiency", "workers idle", "scorers idle", "learner idle",
    "staleness", "broadcast s", "heartbeat s", "limited by",
  ]

  func cells(_ rows: [Planning.Row]) -> [[String]] {
    rows.map { row in
      guard let state = row.state else {
        return ["\(row.staleness)", "\(row.workers)", "none"] + Array(repeating: "", count: Self.columns.count - 3)
      }
      let one = rows.first { $0.staleness == row.staleness && $0.state != nil }
      let each = one.flatMap { one in one.state.map { $0.responsesPerSecond / Double(one.workers) } } ?? .nan
      let speedUp = state.responsesPerSecond / each
      let broadcast = "\(number(state.medianBroadcast)) / \(state.hasReachedAll ? "" : ">")\(number(state.lastBroadcast))"
      return [
        "\(row.staleness)", "\(row.workers)\(enough(rows, row.staleness) == row.workers ? " <" : "")",
        number(state.responsesPerSecond), number(state.groupsPerSecond),
        number(state.responsesPerSecond * options.costs.responseTokens), number(speedUp), percent(speedUp / Double(row.workers)),
        percent(state.workerIdle), percent(state.scorerIdle), percent(state.learnerIdle),
        "\(number(state.meanStaleness)) / \(state.largestStaleness)", broadcast, number(row.heartbeat), state.bottleneck.rawValue,
      ]
    }
  }

  func text(_ rows: [Planning.Row]) -> String {
    let table = [Self.columns] + cells(rows)
    let widths = Self.columns.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    var lines = table.map { cells in
      zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }
    for staleness in Set(rows.map(\.staleness)).sorted() {
      let enough = enough(rows, staleness)
      lines.append(
        enough.map { "K = \(staleness): from \($0) workers on, marked <, twice as many bring less than \(percent(Planning.worthwhile)) more" }
          ?? "K = \(staleness): more workers pay up to the end of the table")
    }
    lines.append("staleness: mean / largest of trained groups. broadcast: until half / all workers sample from a new version.")
    return lines.joined(separator: "\n")
  }

  private func enough(_ rows: [Planning.Row], _ staleness: Int) -> Int? {
    Planning.enough(rows.filter { $0.staleness == staleness })
  }

  // MARK: The comparison

  func text(_ comparison: [Predict.Comparison]) -> String {
    func error(_ predicted: Double, _ measured: Double) -> String {
      let error = 100 * (predicted - measured) / measured
      return String(format: "%+.0f %%", error)
    }
    let first = comparison.first?.workers ?? 1
    let head = [
      "workers", "measured", "predicted from \(run ?? "the run")", "error", "predicted from the run with \(first) made now", "error", "load before",
    ]
    let rows = comparison.map { one in
      [
        "\(one.workers)", number(one.measured), number(one.predicted), error(one.predicted, one.measured),
        number(one.predictedFromFirst), error(one.predictedFromFirst, one.measured), number(one.load),
      ]
    }
    let table = [head] + rows
    let widths = head.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    let lines = table.map { cells in zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ") }
    return (["responses/s on this machine, at the median step:"] + lines).joined(separator: "\n")
  }

  // MARK: Numbers

  func number(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    return switch abs(value) {
    case 0: "0"
    case ..<0.01: String(format: "%.2g", value)
    case ..<1: String(format: "%.2f", value)
    case ..<100: String(format: value == value.rounded() ? "%.0f" : "%.1f", value)
    case ..<1e6: String(format: "%.0f", value)
    default: String(format: "%.3g", value)
    }
  }

  func percent(_ share: Double) -> String { share.isFinite ? String(format: "%.0f %%", 100 * share) : "-" }
}
