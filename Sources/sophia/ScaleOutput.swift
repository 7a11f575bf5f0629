internal import Dashboard
internal import Foundation
internal import Runs
internal import Simulator

/// One number of workers, measured and predicted.
struct ScalePoint: Encodable {
  let workers: Int
  let most: ScaleMeasurement
  var held: ScaleMeasurement?
  /// Groups a second that the simulator gives, on the cores that others left of this machine's and with machines of their own
  /// for all.
  var predicted: Double?
  var predictedApart: Double?

  init(workers: Int, most: ScaleMeasurement) {
    (self.workers, self.most) = (workers, most)
  }

  var isSound: Bool { most.isSound && held?.isSound != false }
  var error: Double? { predicted.map { $0 / most.groupsPerSecond - 1 } }

  mutating func predict(by prediction: ScalePrediction) throws {
    let cores = most.coresLeft(of: Double(ProcessInfo.processInfo.activeProcessorCount))
    predicted = try prediction.state(of: most.plan, cores: cores)?.groupsPerSecond
    predictedApart = try prediction.state(of: most.plan, cores: nil)?.groupsPerSecond
  }
}

/// What `sophia bench scale` says.
struct ScaleOutput {
  let points: [ScalePoint]
  /// Groups a second that were to be held.
  let rate: Double?
  /// Workers of the point whose costs the prediction is made from.
  let basis: Int

  private var cores: Double { Double(ProcessInfo.processInfo.activeProcessorCount) }

  // MARK: Text

  var text: String {
    var lines = ["as fast as they go, on \(Int(cores)) cores"] + table(Self.columns, points.map { cells($0.most, $0) })
    if let rate {
      lines += ["", "at \(Int(rate)) groups/s"]
      lines += table(Self.columns.dropLast(2), points.compactMap { point in point.held.map { cells($0, nil) } })
    }
    lines += ["", "waits in ms, half / 99 of 100 are shorter; cores that were busy. predicted: by the simulator, from the costs with \(basis)"]
    if let costs = costs { lines.append(costs) }
    lines += points.filter { !$0.isSound }.map { "\($0.workers) workers: the ledger does not hold what it promises" }
    let groups = points.reduce(0) { $0 + $1.most.admitted + ($1.held?.admitted ?? 0) }
    if points.allSatisfy(\.isSound) { lines.append("counted again: \(Numbers.grouped(Double(groups))) groups, none lost, none trained twice") }
    return lines.joined(separator: "\n")
  }

  private static let columns = [
    "workers", "groups/s", "leases/s", "MB/s", "lease", "acknowledged", "learner", "workers'", "scorers'", "machine", "full",
    "predicted", "error",
  ]

  private func cells(_ found: ScaleMeasurement, _ point: ScalePoint?) -> [String] {
    var cells = [
      "\(found.plan.workers)", Numbers.grouped(found.groupsPerSecond), Numbers.grouped(found.leasesPerSecond),
      String(format: "%.1f", found.bytesPerSecond * 1e-6), waits(found.lease), waits(found.acknowledgement),
      String(format: "%.2f", found.learnerCores), String(format: "%.2f", found.workerCores),
      String(format: "%.2f", found.scorerCores), String(format: "%.2f", found.machineCores), full(found),
    ]
    if let point {
      cells += [
        point.predicted.map { Numbers.grouped($0) } ?? "-",
        point.workers == basis ? "basis" : point.error.map { String(format: "%+.0f %%", 100 * $0) } ?? "-",
      ]
    }
    return cells
  }

  private func waits(_ latency: ScaleMeasurement.Latency) -> String {
    String(format: "%.1f / %.1f", latency.median * 1e3, latency.p99 * 1e3)
  }

  /// What has next to nothing left: the machine's cores, the time of the journal, or a thread of the learner.
  private func full(_ found: ScaleMeasurement) -> String {
    var full: [String] = []
    if found.machineCores > 0.93 * cores { full.append("cores") }
    if found.committing > 0.93 { full.append("journal") }
    full += found.learnerThreads.filter { $0.value > 0.93 && !$0.key.hasPrefix("oot.") }.map(\.key).sorted()
    return full.isEmpty ? "-" : full.joined(separator: ", ")
  }

  private func table(_ head: some Collection<String>, _ rows: [[String]]) -> [String] {
    let table = [Array(head)] + rows
    let widths = head.indices.enumerated().map { index, _ in table.map { $0[index].count }.max() ?? 0 }
    return table.map { cells in
      zip(cells, widths).map { String(repeating: " ", count: $1 - $0.count) + $0 }.joined(separator: "  ")
    }
  }

  /// Where a group's time of the processor goes at the point of the prediction.
  private var costs: String? {
    guard let point = points.first(where: { $0.workers == basis }) else { return nil }
    let (found, groups) = (point.most, point.most.groupsPerSecond)
    func micro(_ cores: Double) -> String { "\(Int((cores / groups * 1e6).rounded()))" }
    let journal = found.learnerThreads["journal"] ?? 0
    let apart = point.predictedApart.map { "; a learner on a machine of its own: \(Numbers.grouped($0)) groups/s" } ?? ""
    return "microseconds of a core a group, with \(basis): learner \(micro(found.learnerCores)) (journal \(micro(journal))), "
      + "workers \(micro(found.workerCores)), scorers \(micro(found.scorerCores))\(apart)"
  }

  // MARK: JSON

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(["points": points]), as: UTF8.self)
  }

  // MARK: Page

  var page: PlanPage {
    func curve(_ name: String, _ colour: Int, _ value: (ScalePoint) -> Double?) -> PlanPage.Curve {
      let places = points.compactMap { point in value(point).map { (Double(point.workers), $0) } }
      return PlanPage.Curve(name: name, points: places, colour: colour)
    }
    func waits(_ latency: KeyPath<ScaleMeasurement, ScaleMeasurement.Latency>) -> [PlanPage.Curve] {
      var curves = [curve("p99, as fast as they go", 0) { $0.most[keyPath: latency].p99 * 1e3 }]
      if let rate {
        let at = "at \(Int(rate))/s"
        curves += [
          curve("p99, \(at)", 1) { $0.held.map { $0[keyPath: latency].p99 * 1e3 } },
          curve("median, \(at)", 2) { $0.held.map { $0[keyPath: latency].median * 1e3 } },
        ]
      }
      return curves
    }
    var speed = [curve("as fast as they go", 0) { $0.most.groupsPerSecond }, curve("simulated, from \(basis) workers", 4) { $0.predicted }]
    var share = [curve("as fast as they go", 0) { 100 * $0.most.learnerCores }]
    if let rate {
      speed.append(curve("\(Int(rate)) wanted", 1) { $0.held?.groupsPerSecond })
      share.append(curve("at \(Int(rate)) groups/s", 1) { $0.held.map { 100 * $0.learnerCores } })
    }
    let plan = points.first?.most.plan ?? ScalePlan()
    return PlanPage(
      subject: "Measured on this machine", title: "What one learner serves",
      facts: [
        "learner, scorers and workers on \(Int(cores)) cores", "engines that cost nothing", "groups of \(plan.responses) × \(plan.tokens) tokens",
        "CURVE over TCP, every group fsynced", points.allSatisfy(\.isSound) ? "no group lost, none trained twice" : "groups lost",
      ],
      charts: [
        PlanPage.Chart(title: "Throughput", unit: "groups/s", scale: .linear, curves: speed),
        PlanPage.Chart(title: "Learner's processor", unit: "% of a core", scale: .linear, curves: share),
        PlanPage.Chart(title: "Lease: from room to having it", unit: "ms", scale: .logarithmic, curves: waits(\.lease)),
        PlanPage.Chart(title: "Group: from push to word that it is durable", unit: "ms", scale: .logarithmic, curves: waits(\.acknowledgement)),
      ],
      columns: ["pace"] + Self.columns,
      rows: points.flatMap { point -> [[String]] in
        [["as fast as they go"] + cells(point.most, point)]
          + (point.held.map { [["\(Int(rate ?? 0)) groups/s"] + cells($0, nil) + ["", ""]] } ?? [])
      },
      marks: points.map { Double($0.workers) })
  }
}
