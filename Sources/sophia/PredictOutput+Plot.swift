internal import Dashboard
internal import DataSets
internal import Simulator

extension PredictOutput {
  // MARK: Page

  func page(_ rows: [Planning.Row]) -> PlanPage {
    func chart(
      _ title: String, _ words: String, _ unit: String, isShare: Bool = false, marked: Bool = false, _ value: (SteadyState) -> Double
    ) -> PlanPage.Chart {
      let curves = Set(rows.map(\.staleness)).sorted().map { staleness in
        let own = rows.filter { $0.staleness == staleness }
        return PlanPage.Curve(
          name: "staleness \(staleness)",
          points: own.compactMap { row in row.state.map { (Double(row.workers), value($0)) } },
          enough: marked ? Planning.enough(own).map(Double.init) : nil)
      }
      return PlanPage.Chart(title: title, words: words, unit: unit, scale: isShare ? .share : .logarithmic, curves: curves)
    }
    let costs = options.costs
    return PlanPage(
      subject: "A simulated cluster", title: "What more workers bring",
      note: "A ring: from here on twice as many workers bring less than 10 % more.",
      facts: [
        run.map { "costs of \($0)" } ?? "costs as given", "\(options.promptsPerStep) prompts of \(options.groupSize) responses a step",
        "\(number(costs.tokensPerSecond)) tokens/s a worker", "\(number(costs.modelBytes)) bytes of weights",
        "\(number(costs.linkBytesPerSecond)) bytes/s links", costs.cores.map { "\(number($0)) cores shared" } ?? "cores of their own",
      ],
      charts: [
        chart("Speed", "Trained responses, in the steady state.", "responses/s", marked: true) { $0.responsesPerSecond },
        chart("Broadcast", "From publishing a version until the last worker samples from it.", "s") { $0.lastBroadcast },
        chart("Workers idle", "Share of time in which a worker's engine has nothing to do.", "", isShare: true) { $0.workerIdle },
        chart("Learner idle", "The same of the learner's trainer.", "", isShare: true) { $0.learnerIdle },
        chart("Scorers idle", "", "", isShare: true) { $0.scorerIdle },
        chart("Learner's link", "Share of time in which it sends.", "", isShare: true) { $0.linkBusy },
      ],
      columns: Self.columns, rows: cells(rows))
  }

  // MARK: JSON

  func object(_ rows: [Planning.Row], _ comparison: [Predict.Comparison]?) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("rows", .array(rows.map { object($0) })),
      .init(
        "enough_workers",
        .object(
          Set(rows.map(\.staleness)).sorted().map { staleness in
            .init("\(staleness)", Planning.enough(rows.filter { $0.staleness == staleness }).map { .integer($0) } ?? .null)
          })),
    ]
    if let calibration {
      members.append(
        .init(
          "costs",
          .array(
            calibration.findings.map { finding in
              .object([
                .init("name", .string(finding.name)), .init("median", .number(finding.value)), .init("low", .number(finding.low)),
                .init("high", .number(finding.high)), .init("unit", .string(finding.unit)), .init("from", .string(finding.origin)),
              ])
            })))
    }
    if let comparison {
      members.append(
        .init(
          "comparison",
          .array(
            comparison.map { one in
              .object([
                .init("workers", .integer(one.workers)), .init("measured", .number(one.measured)),
                .init("predicted", .number(one.predicted)), .init("error", .number(one.predicted / one.measured - 1)),
                .init("predicted_from_first", .number(one.predictedFromFirst)),
                .init("error_from_first", .number(one.predictedFromFirst / one.measured - 1)), .init("load", .number(one.load)),
              ])
            })))
    }
    return .object(members)
  }

  private func object(_ row: Planning.Row) -> JSONValue {
    var members: [JSONValue.Member] = [
      .init("workers", .integer(row.workers)), .init("staleness", .integer(row.staleness)), .init("heartbeat", .number(row.heartbeat)),
    ]
    guard let state = row.state else { return .object(members + [.init("responses_per_second", .null)]) }
    members += [
      .init("responses_per_second", .number(state.responsesPerSecond)), .init("groups_per_second", .number(state.groupsPerSecond)),
      .init("tokens_per_second", .number(state.responsesPerSecond * options.costs.responseTokens)),
      .init("worker_idle", .number(state.workerIdle)), .init("scorer_idle", .number(state.scorerIdle)),
      .init("learner_idle", .number(state.learnerIdle)), .init("loop_busy", .number(state.loopBusy)),
      .init("link_busy", .number(state.linkBusy)), .init("mean_staleness", .number(state.meanStaleness)),
      .init("largest_staleness", .integer(state.largestStaleness)), .init("median_broadcast_seconds", .number(state.medianBroadcast)),
      .init("last_broadcast_seconds", .number(state.lastBroadcast)), .init("has_reached_all", .bool(state.hasReachedAll)),
      .init("limited_by", .string(state.bottleneck.rawValue)),
    ]
    return .object(members)
  }
}
