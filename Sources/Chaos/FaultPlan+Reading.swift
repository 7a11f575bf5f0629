internal import Cluster
internal import DurableFiles
internal import Rollout
internal import Settings
internal import Yams

extension FaultPlan {
  private static let byteLimit = 1 << 20
  private static let faultLimit = 1000
  private static let help = "`sophia chaos --print-plan` prints one with every key"

  /// - Throws: `FileError`, or a `PlanError` that names the line, the key and what is accepted.
  package static func read(_ file: String) throws -> FaultPlan {
    let bytes = try DurableFiles.read(file, limit: byteLimit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw PlanError("malformed", "\(file) is not UTF-8", advice: "save it as UTF-8")
    }
    return try parse(text, file: file)
  }

  /// - Parameter file: how messages name the plan.
  package static func parse(_ text: String, file: String) throws(PlanError) -> FaultPlan {
    guard let root = try compose(text, file), root.scalar?.string != "" else {
      throw PlanError("empty", "\(file) holds no plan", advice: help)
    }
    guard let sections = root.mapping else {
      throw malformed(file, root, "a plan is made of `settings:` and `faults:`")
    }
    var plan = FaultPlan(name: file, faults: [])
    for (key, value) in sections {
      switch key.scalar?.string {
      case "settings": plan.settings = try settings(value, under: "", file)
      case "faults":
        guard let list = value.sequence ?? (value.isNull ? [] : nil) else {
          throw malformed(file, value, "faults is not a list: each fault begins with `- what:`")
        }
        guard list.count <= faultLimit else { throw malformed(file, value, "it has more than \(faultLimit) faults") }
        plan.faults = try list.map { node throws(PlanError) in try fault(node, file) }
      default: throw unknown(key, among: ["settings", "faults"], file, "section of a plan")
      }
    }
    return plan
  }

  private static func compose(_ text: String, _ file: String) throws(PlanError) -> Node? {
    if let line = lineOfAlias(inYAML: text) {
      throw PlanError("malformed", "\(file), line \(line): there is an alias, and none is resolved", advice: help)
    }
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      switch error {
      case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
        .composer(_, let problem, let mark, _):
        throw PlanError("malformed", "\(file), line \(mark.line): not YAML: \(problem)", advice: help)
      case .duplicatedKeysInMapping(let duplicates, let context):
        throw PlanError(
          "malformed",
          "\(file), line \(context.mark.line): the same key stands there twice: \(duplicates.map { "\($0)" }.joined(separator: ", "))",
          advice: "keep one of them")
      default: throw PlanError("malformed", "\(file): not YAML: \(error)", advice: help)
      }
    } catch {
      throw PlanError("malformed", "\(file): not YAML: \(error)", advice: help)
    }
  }

  /// As overrides, which the reader of settings checks.
  private static func settings(_ node: Node, under prefix: String, _ file: String) throws(PlanError) -> [String] {
    if node.isNull { return [] }
    guard let mapping = node.mapping else { throw malformed(file, node, "settings is made of `section: {key: value}`") }
    var found: [String] = []
    for (key, value) in mapping {
      guard let name = key.scalar?.string, !name.contains("=") else { throw malformed(file, key, "a key is not plain text") }
      switch value {
      case .mapping: found += try settings(value, under: prefix + name + ".", file)
      case .scalar(let scalar): found.append("\(prefix)\(name)=\(scalar.string)")
      case .sequence(let sequence):
        found.append("\(prefix)\(name)=[\(sequence.compactMap(\.scalar?.string).joined(separator: ", "))]")
      case .alias: throw malformed(file, value, "\(name) is an alias, which is not resolved")
      }
    }
    return found
  }

  // MARK: One fault

  private static func fault(_ node: Node, _ file: String) throws(PlanError) -> Fault {
    guard let mapping = node.mapping else {
      throw malformed(file, node, "a fault is made of keys: `- {what: kill, whom: worker, when: 2 s}`")
    }
    var values: [String: (key: Node, text: String)] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string, let text = value.scalar?.string else {
        throw malformed(file, key, "the keys of a fault have plain values")
      }
      values[name] = (key, text)
    }
    guard let what = values["what"] else {
      throw missing("what", file, node, "say what happens: \(list(FaultKind.allCases))")
    }
    guard let kind = FaultKind(rawValue: what.text) else {
      let nearest = nearestKey(to: what.text, among: FaultKind.allCases.map(\.rawValue)) ?? ""
      throw PlanError(
        "unknown-fault", "\(place(file, what.key)): there is no fault \(what.text)",
        advice: "did you mean \(nearest)? There are \(list(FaultKind.allCases))")
    }
    let known = ["what", "whom", "when"] + (kind.lasts == .never ? [] : ["for"]) + kind.parameters.map(\.rawValue)
    for (name, value) in values where !known.contains(name) {
      let all = ["what", "whom", "when", "for"] + FaultParameter.allCases.map(\.rawValue)
      guard !all.contains(name) else {
        throw PlanError(
          "other-faults-key", "\(place(file, value.key)): \(kind.rawValue) takes no \(name)",
          advice: "its keys are \(known.joined(separator: ", "))")
      }
      throw unknown(value.key, among: known, file, "key of the fault \(kind.rawValue)")
    }
    func read<Value>(_ name: String, _ accepted: String, _ parse: (String) -> Value?) throws(PlanError) -> Value? {
      guard let (key, text) = values[name] else { return nil }
      if let value = parse(text) { return value }
      throw PlanError(
        "bad-value", "\(place(file, key)): \(name) is \(text.isEmpty ? "empty" : String(text.prefix(80)))",
        advice: "it must be \(accepted)")
    }

    let target =
      try read("whom", targets(of: kind)) { Self.target($0, of: kind) }
      ?? (kind.roles.count == 1 ? only(kind.roles[0]) : .any)
    guard
      let when = try read("when", moments(of: kind, target), { moment($0, of: kind, target) })
    else { throw missing("when", file, node, "it must be \(moments(of: kind, target))") }
    var fault = Fault(kind, target, when: when)
    fault.length = try read("for", "a time such as 500 ms, 2 s or 1 min") {
      Duration(text: $0).flatMap { $0 > .zero ? $0 : nil }
    }
    if kind.lasts == .always, fault.length == nil {
      throw missing("for", file, node, "say for how long, such as `for: 2 s`")
    }
    for parameter in kind.parameters {
      fault.parameters =
        try read(parameter.rawValue, parameter.accepted) { fault.parameters.setting(parameter, to: $0) } ?? fault.parameters
    }
    return fault
  }

  private static func target(_ text: String, of kind: FaultKind) -> Fault.Target? {
    if text == "any", kind.roles.count > 1 { return .any }
    let words = text.split(separator: " ")
    guard let role = words.first.flatMap({ Role(rawValue: String($0)) }), kind.roles.contains(role) else { return nil }
    if words.count == 1 { return only(role) }
    guard words.count == 2, role != .learner, let index = Int(words[1]), (0..<256).contains(index) else { return nil }
    return .process(role, index)
  }

  /// There is one learner; of others, one is drawn.
  private static func only(_ role: Role) -> Fault.Target { role == .learner ? .process(role, 0) : .role(role) }

  private static func targets(of kind: FaultKind) -> String {
    let roles = kind.roles.map {
      $0 == .learner ? "learner" : "\($0.rawValue) (drawn from the seed), \($0.rawValue) 0, \($0.rawValue) 1 .."
    }
    return (roles + (kind.roles.count > 1 ? ["any"] : [])).joined(separator: ", ")
  }

  private static func moment(_ text: String, of kind: FaultKind, _ target: Fault.Target) -> Fault.Moment? {
    if text == "start" { return kind.isOnLinks || kind == .clockJump ? .start : nil }
    let words = text.split(separator: " ").map(String.init)
    if words.count == 2, words[0] == "step", let step = Int(words[1]), step > 0 { return .step(step) }
    if let word = words.first, words.count <= 2, let point = ProtocolPoint(rawValue: word),
      points(of: kind, target).contains(point)
    {
      guard words.count == 2 else { return .point(point, passes: 0) }
      return Int(words[1]).flatMap { $0 >= 0 ? .point(point, passes: $0) : nil }
    }
    return Duration(text: text).flatMap { $0 >= .zero ? .after($0) : nil }
  }

  /// At which points a fault may hit: a failure of scoring is one of its own.
  private static func points(of kind: FaultKind, _ target: Fault.Target) -> [ProtocolPoint] {
    guard let role = target.role else { return [] }
    return kind == .judgeErrors ? [.scoring] : ProtocolPoint.points(of: role)
  }

  private static func moments(of kind: FaultKind, _ target: Fault.Target) -> String {
    let points = points(of: kind, target).map(\.rawValue)
    return "a time after the first group (2.5 s), a step (step 3)"
      + (points.isEmpty
        ? "" : ", a protocol point and how often it is passed before (\(points.joined(separator: ", ")); \(points[0]) 2)")
      + (kind.isOnLinks || kind == .clockJump ? ", or start" : "")
  }

  // MARK: Messages

  private static func list(_ kinds: [FaultKind]) -> String { kinds.map(\.rawValue).joined(separator: ", ") }

  private static func place(_ file: String, _ node: Node) -> String { node.mark.map { "\(file), line \($0.line)" } ?? file }

  private static func malformed(_ file: String, _ node: Node, _ reason: String) -> PlanError {
    PlanError("malformed", "\(place(file, node)): \(reason)", advice: help)
  }

  private static func missing(_ key: String, _ file: String, _ node: Node, _ advice: String) -> PlanError {
    PlanError("missing-key", "\(place(file, node)): the fault has no \(key)", advice: advice)
  }

  private static func unknown(_ key: Node, among known: [String], _ file: String, _ kind: String) -> PlanError {
    let name = key.scalar?.string ?? ""
    let nearest = nearestKey(to: name, among: known).map { "did you mean \($0)? " } ?? ""
    return PlanError(
      "unknown-key", "\(place(file, key)): there is no \(kind) \(name)", advice: nearest + help)
  }
}

extension Fault.Parameters {
  /// - Returns: nil if `text` is not what the parameter accepts.
  func setting(_ parameter: FaultParameter, to text: String) -> Fault.Parameters? {
    var changed = self
    func put<Value>(
      _ place: WritableKeyPath<Fault.Parameters, Value>, _ value: Value?, if isFine: (Value) -> Bool = { _ in true }
    ) -> Bool {
      guard let value, isFine(value) else { return false }
      changed[keyPath: place] = value
      return true
    }
    let isSet =
      switch parameter {
      case .delay: put(\.delay, Duration(text: text)) { $0 > .zero }
      case .jitter: put(\.jitter, Duration(text: text)) { $0 >= .zero }
      case .way: put(\.way, Fault.Way(rawValue: text))
      case .rate: put(\.rate, Chaos.bytes(text: text)) { $0 >= 1000 }
      case .share: put(\.share, Double(text)) { $0 > 0 && $0 <= 1 }
      case .bytes: put(\.bytes, Chaos.bytes(text: text))
      case .by: put(\.by, Duration(text: text)) { $0 != .zero }
      case .messages: put(\.messages, Int(text)) { 1...1000 ~= $0 }
      case .times: put(\.times, Int(text)) { 1...100 ~= $0 }
      case .manner: put(\.manner, Fault.Manner(rawValue: text))
      case .connections: put(\.connections, Int(text)) { 1...1000 ~= $0 }
      }
    return isSet ? changed : nil
  }
}

extension Node {
  fileprivate var isNull: Bool {
    scalar.map { ["", "~", "null"].contains($0.string) && $0.style != .doubleQuoted } ?? false
  }
}
