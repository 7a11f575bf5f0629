internal import Foundation
internal import Rollout
package import RunStore

/// How the learner names what the report knows how to explain.
package enum MetricName {
  package static let kl = "kl"
  package static let entropy = "entropy"
  /// `seconds.rollout`, `seconds.update`: how long a part of the step took.
  package static let secondsPrefix = "seconds."
  /// What has a chart of its own, from the groups themselves where the ledger has them.
  static let charted: Set = [kl, entropy, "outcome", "thinking", "gamma", "response_tokens"]
}

/// How the run's other properties are named in `meta`.
package enum MetaKey {
  package static let title = "title"
  package static let seed = "seed"
  /// A JSON object.
  package static let settings = "settings"
}

extension ReportContent {
  /// Collects what a run file holds.
  ///
  /// - Parameter heldOut: the name of the evaluations to show; the first there is if nil.
  package init(_ reader: RunReader, heldOut: String? = nil) throws(RunStoreError) {
    self.init()
    if let title = try reader.meta(MetaKey.title) { self.title = title }
    seed = try reader.meta(MetaKey.seed)
    settings = try reader.meta(MetaKey.settings).map(Self.flattened) ?? []
    processes = try reader.processes()
    startedAt = processes.map(\.startedAt).min()
    stages = Self.summed(try reader.stages().map { Duration($0.name, $0.seconds) })
    examples = try reader.examples()
    events = try reader.events()

    let trained = try reader.steps()
    steps = trained.count
    groups = trained.reduce(0) { $0 + $1.groups }
    responses = trained.reduce(0) { $0 + $1.responses }
    responsesPerSecond = try reader.responsesPerSecond()

    let audit = try reader.audit()
    policySHA256 = audit.policy
    counts = UnitState.allCases.map { ($0.rawValue, audit.counts[$0, default: 0]) }
    problems = audit.problems

    let evaluations = try reader.evaluations()
    let shown = evaluations.filter { $0.name == heldOut ?? evaluations.first?.name }
    if let first = shown.first, let last = shown.last {
      heldOutRows = last.rows
      if first.step == 0 { baseAccuracy = first.accuracy }
      if last.step > 0 { trainedAccuracy = last.accuracy }
    }
    let names = try reader.metricNames()
    var parts: [Duration] = []
    for name in names where name.hasPrefix(MetricName.secondsPrefix) {
      let seconds = try reader.series(of: name).reduce(0) { $0 + ($1.value.isFinite ? $1.value : 0) }
      parts.append(Duration(String(name.dropFirst(MetricName.secondsPrefix.count)), seconds))
    }
    phases = parts
    curves = try Self.curves(reader, names: names, evaluations: shown, steps: trained)
  }

  private static func curves(
    _ reader: RunReader, names: [String], evaluations: [Evaluation], steps: [RunReader.Step]
  ) throws(RunStoreError) -> [Curve] {
    let rewards = try reader.rewards()
    func curve(_ meaning: Meaning, _ value: (RunReader.StepRewards) -> Double?) -> Curve {
      Curve(meaning, rewards.compactMap { row in value(row).map { RunReader.Point(step: row.step, value: $0) } })
    }
    var curves = [
      Curve(.heldOutAccuracy, evaluations.map { RunReader.Point(step: $0.step, value: $0.accuracy) }),
      curve(.outcome) { $0.outcome }, curve(.thinking) { $0.thinking }, curve(.gamma) { $0.gamma },
      Curve(.kl, try reader.series(of: MetricName.kl)), Curve(.entropy, try reader.series(of: MetricName.entropy)),
      curve(.length) { $0.length },
      Curve(
        .throughput,
        zip(steps, steps.dropFirst()).compactMap { before, step in
          guard before.incarnation == step.incarnation, step.uptime > before.uptime else { return nil }
          return RunReader.Point(step: step.step, value: Double(step.responses) / (step.uptime - before.uptime))
        }),
    ]
    for name in names where !MetricName.charted.contains(name) {
      guard !name.hasPrefix(MetricName.secondsPrefix) else { continue }
      curves.append(Curve(.other, title: name, try reader.series(of: name)))
    }
    return curves
  }

  /// A stage that was interrupted and taken up again counts with all its parts.
  private static func summed(_ parts: [Duration]) -> [Duration] {
    var sums: [Duration] = []
    for part in parts {
      if let index = sums.firstIndex(where: { $0.name == part.name }) {
        sums[index].seconds += part.seconds
      } else {
        sums.append(part)
      }
    }
    return sums
  }

  /// A JSON object as a list: `{"a": {"b": 1}}` is `a.b` with `1`. What is no JSON object is shown as it is.
  static func flattened(_ json: String) -> [(name: String, value: String)] {
    guard let root = try? JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)), case .object = root else {
      return [("settings", json)]
    }
    return root.flattened(under: "")
  }
}

/// JSON of unknown shape.
private enum JSONValue: Decodable {
  case object([String: JSONValue])
  case array([JSONValue])
  case scalar(String)

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let object = try? container.decode([String: JSONValue].self) {
      self = .object(object)
    } else if let array = try? container.decode([JSONValue].self) {
      self = .array(array)
    } else if let flag = try? container.decode(Bool.self) {
      self = .scalar(flag ? "true" : "false")
    } else if let whole = try? container.decode(Int.self) {
      self = .scalar(String(whole))
    } else if let number = try? container.decode(Double.self) {
      self = .scalar("\(number)")
    } else if let text = try? container.decode(String.self) {
      self = .scalar(text)
    } else {
      self = .scalar("null")
    }
  }

  func flattened(under name: String) -> [(name: String, value: String)] {
    switch self {
    case .object(let members):
      members.keys.sorted().flatMap { key in
        members[key].map { $0.flattened(under: name.isEmpty ? key : name + "." + key) } ?? []
      }
    case .array(let elements): [(name, elements.map(\.text).joined(separator: ", "))]
    case .scalar(let text): [(name, text)]
    }
  }

  private var text: String {
    switch self {
    case .scalar(let text): text
    case .array(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
    case .object: flattened(under: "").map { "\($0.name): \($0.value)" }.joined(separator: ", ")
    }
  }
}
