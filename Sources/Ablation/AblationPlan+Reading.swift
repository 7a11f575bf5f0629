internal import DurableFiles
internal import Settings

extension AblationPlan {
  private static let keys = [
    "title", "folder", "data", "bases", "seeds", "mixture", "judges", "rows.train", "rows.choose", "rows.report", "models.basicSteps",
    "models.warmStartSteps", "models.startAccuracy", "models.thinkingSteps", "choose.bases", "choose.seeds", "choose.arm",
  ]
  private static let sections = ["settings", "arms", "cross", "choose.among"]
  private static let help = "cluster/ablation/plan.yaml is one with every key"

  /// - Throws: `FileError`, `SettingsError`, or an `AblationError` that names the line, the key and what is accepted.
  package static func read(_ file: String) throws -> AblationPlan {
    let bytes = try DurableFiles.read(file, limit: 1 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw AblationError("malformed", "\(file) is not UTF-8", advice: "save it as UTF-8")
    }
    return try parse(text, file: file)
  }

  /// - Parameter file: how messages name the plan.
  package static func parse(_ text: String, file: String) throws -> AblationPlan {
    var plan = AblationPlan(file: file)
    var choice = Choice(bases: [0], seeds: [0], arm: "", among: [])
    var isChoosing = false
    for entry in try ConfigurationEntry.entries(yaml: text, file: file) {
      if let setting = entry.within("settings") {
        plan.settings.append(try free(setting))
      } else if let axis = entry.within("cross") {
        plan.cross.append(try self.axis(axis))
      } else if let axis = entry.within("choose.among") {
        choice.among.append(try self.axis(axis))
        isChoosing = true
      } else if let arm = entry.within("arms") {
        try plan.take(arm)
      } else {
        isChoosing = isChoosing || entry.path.hasPrefix("choose.")
        try plan.take(entry, &choice)
      }
    }
    if isChoosing { plan.choice = choice }
    try plan.check()
    return plan
  }

  // MARK: Keys

  private mutating func take(_ entry: ConfigurationEntry, _ choice: inout Choice) throws {
    switch entry.path {
    case "title": title = try entry.word("a text")
    case "folder": folder = try entry.word("a folder")
    case "data": data = UInt64(try entry.whole(0...Int.max))
    case "bases": bases = try entry.seeds()
    case "seeds": seeds = try entry.seeds()
    case "mixture": mixture = try entry.one(of: Mixture.self)
    case "judges": judges = try entry.several(of: Judge.self)
    case "rows.train": trainRows = try entry.whole(1...1_000_000)
    case "rows.choose": chooseRows = try entry.whole(1...100_000)
    case "rows.report": reportRows = try entry.whole(1...100_000)
    case "models.basicSteps": models.basic = try entry.whole(1...1_000_000)
    case "models.warmStartSteps": models.warmStart = try entry.whole(1...1_000_000)
    case "models.startAccuracy": models.startAccuracy = try entry.share()
    case "models.thinkingSteps": models.thinking = try entry.whole(1...1_000_000)
    case "choose.bases": choice.bases = try entry.seeds()
    case "choose.seeds": choice.seeds = try entry.seeds()
    case "choose.arm": choice.arm = try entry.word("the name of an arm")
    default:
      if Self.sections.contains(entry.path), entry.text == .none { return }
      let nearest = nearestKey(to: entry.path, among: Self.keys + Self.sections) ?? ""
      throw AblationError(
        "unknown-key", "\(entry.place): there is no key \(entry.path) of a plan", advice: "did you mean \(nearest)? \(Self.help)")
    }
  }

  /// `arms.NAME.section.key`, `arms.NAME.judge`, or `arms.NAME: {}`.
  private mutating func take(_ entry: ConfigurationEntry) throws {
    let parts = entry.path.split(separator: ".", maxSplits: 1).map(String.init)
    guard let name = parts.first, !name.isEmpty, name.count <= 40 else {
      throw AblationError("malformed", "\(entry.place): an arm has no name, or one of more than 40 letters", advice: Self.help)
    }
    let place = arms.firstIndex { $0.name == name } ?? arms.endIndex
    if place == arms.endIndex { arms.append(Arm(name: name, settings: [])) }
    guard parts.count == 2 else {
      guard entry.text == .none else {
        throw AblationError(
          "malformed", "\(entry.place): the arm \(name) is not made of settings", advice: "write `\(name): {}` or `\(name): {algorithm.trust: false}`")
      }
      return
    }
    let setting = ConfigurationEntry(path: parts[1], text: entry.text, place: entry.place)
    if parts[1] == "judge" {
      arms[place].judge = try setting.one(of: Judge.self)
    } else {
      arms[place].settings.append(try Self.free(setting))
    }
  }

  private static func axis(_ entry: ConfigurationEntry) throws -> Axis {
    guard case .several(let values) = entry.text, !values.isEmpty, Set(values).count == values.count else {
      throw AblationError(
        "bad-value", "\(entry.place): \(entry.path) is \(entry.text.shown)",
        advice: "it must be a list of different values, such as `algorithm.advantage: [std, mean]`")
    }
    return Axis(
      key: entry.path,
      values: try values.map { try free(ConfigurationEntry(path: entry.path, text: .one($0), place: entry.place)) })
  }

  private static func free(_ entry: ConfigurationEntry) throws -> ConfigurationEntry {
    guard isFree(entry) || !RunSettings.hasKey(entry) else {
      throw AblationError(
        "reserved", "\(entry.place): \(entry.path) cannot be set in a plan",
        advice: "bases, seeds, rows and judges have keys of their own; free are rollout, algorithm, optimizer, run.steps, thinking.reading and the threads and times of cluster")
    }
    return entry
  }

  // MARK: What no single key can be blamed for

  private func check() throws {
    guard arms.count >= 1, arms.count <= 8 else {
      throw AblationError("arms", "\(file): it has \(arms.count) arms", advice: "name 1 to 8 under `arms:`; \(Self.help)")
    }
    let crossed = combinationCount(cross) * max(1, judges.count) * arms.count
    guard crossed <= 1000, combinationCount(choice?.among ?? []) <= 100 else {
      throw AblationError("arms", "\(file): it comes to \(crossed) cells or more than 100 choices", advice: "cross fewer values")
    }
    try refuseDoubleKeys()
    // Every setting is checked before hours are spent on some.
    for (cell, settings) in try self.cells() where settings.cluster.workers < 1 || settings.cluster.scorers < 1 {
      throw AblationError("arms", "\(file), arm \(cell.arm): a run has no worker or no scorer", advice: "give each run at least one of both")
    }
    guard let choice else { return }
    guard let arm = arms.first(where: { $0.name == choice.arm }) else {
      throw AblationError(
        "choose", "\(file): choose.arm is \(choice.arm.isEmpty ? "missing" : choice.arm)",
        advice: "settings are chosen by one of the arms: \(arms.map(\.name).joined(separator: ", "))")
    }
    guard !choice.among.isEmpty else {
      throw AblationError(
        "choose", "\(file): choose.among is missing", advice: "say among which settings, such as `among: {optimizer.learningRate: [1e-4, 2e-4]}`")
    }
    for chosen in combinations(of: choice.among) { _ = try self.cells(of: arm, chosen: chosen) }
    let shared = Set(choice.seeds).intersection(seeds).sorted()
    guard shared.isEmpty else {
      throw AblationError(
        "choose", "\(file): seed \(shared.map(String.init).joined(separator: ", ")) is used for choosing and for reporting",
        advice: "what settings were chosen by must not be reported: give choose.seeds other seeds than seeds")
    }
  }
}

extension AblationPlan {
  /// A setting that stands in two places would make what a cell is called untrue.
  private func refuseDoubleKeys() throws {
    let chosen = choice?.among.map { $0.values[0] } ?? []
    for arm in arms {
      var seen: [String: ConfigurationEntry] = [:]
      for entry in cross.map({ $0.values[0] }) + chosen + arm.settings {
        let earlier = seen.updateValue(entry, forKey: entry.normalized)
        // An arm that does not choose may have a value of its own in place of the chosen one.
        guard let earlier, !(chosen.contains(earlier) && arm.name != choice?.arm && arm.settings.contains(entry)) else { continue }
        throw AblationError(
          "twice", "\(entry.place): \(entry.path) is crossed, chosen or set in another place too (\(earlier.place))",
          advice: "leave one of them out: what a cell is called says what it was run with")
      }
    }
  }
}

extension ConfigurationEntry {
  /// The entry without the section's name, if it is in it.
  fileprivate func within(_ section: String) -> ConfigurationEntry? {
    guard path.hasPrefix(section + ".") else { return nil }
    return ConfigurationEntry(path: String(path.dropFirst(section.count + 1)), text: text, place: place)
  }

  fileprivate func word(_ accepted: String) throws -> String {
    guard case .one(let word) = text, !word.isEmpty else { throw bad(accepted) }
    return word
  }

  fileprivate func whole(_ range: ClosedRange<Int>) throws -> Int {
    guard case .one(let word) = text, let value = Int(word), range ~= value else {
      throw bad("a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  fileprivate func share() throws -> Double {
    guard case .one(let word) = text, let value = Double(word), 0..<1 ~= value else { throw bad("a number from 0, below 1") }
    return value
  }

  fileprivate func seeds() throws -> [UInt64] {
    guard case .several(let words) = text, case let values = words.compactMap({ UInt64($0) }), values.count == words.count,
      !values.isEmpty, Set(values).count == values.count
    else { throw bad("a list of different whole numbers, such as [0, 1, 2]") }
    return values
  }

  fileprivate func one<Value: RawRepresentable<String> & CaseIterable>(of type: Value.Type) throws -> Value {
    guard case .one(let word) = text, let value = Value(rawValue: word) else { throw bad("one of \(Self.all(type))") }
    return value
  }

  fileprivate func several<Value: RawRepresentable<String> & CaseIterable & Hashable>(of type: Value.Type) throws -> [Value] {
    guard case .several(let words) = text, case let values = words.compactMap({ Value(rawValue: $0) }),
      values.count == words.count, !values.isEmpty, Set(values).count == values.count
    else { throw bad("a list of some of \(Self.all(type))") }
    return values
  }

  private static func all<Value: RawRepresentable<String> & CaseIterable>(_ type: Value.Type) -> String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
  }

  private func bad(_ accepted: String) -> AblationError {
    AblationError("bad-value", "\(place): \(path) is \(text.shown)", advice: "it must be \(accepted)")
  }
}
