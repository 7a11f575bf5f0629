/// Turns the keys of the released code's configuration into settings here, and notes what has no effect.
struct ReleasedForm {
  private(set) var notes: [String] = ["the configuration has the released code's form: algorithm.mode is released-code"]
  private var combinations: [(ReleasedKey.Combination, ConfigurationEntry)] = []

  /// Whether an entry shows that the configuration is of this form.
  static func isSign(_ entry: ConfigurationEntry) -> Bool {
    ReleasedTable.sections.contains(entry.section.lowercased())
      || ["algorithm.advestimator", "algorithm.klcoef"].contains(entry.normalized)
  }

  private static let byName: [String: (path: String, key: ReleasedKey)] = Dictionary(
    ReleasedTable.keys.map { (ConfigurationEntry.normalize($0.path), $0) }, uniquingKeysWith: { first, _ in first })

  /// - Returns: whether the key is one of this form.
  mutating func take(_ entry: ConfigurationEntry, into settings: inout RunSettings) throws(SettingsError) -> Bool {
    guard let (path, key) = Self.byName[entry.normalized] else { return isMachinery(entry) }
    switch key {
    case .same(let own):
      try set(own, entry.text, for: path, entry, &settings)
    case .turned(let own, let accepted, let turn):
      if entry.text == .none { return true }
      guard case .one(let text) = entry.text, let turned = turn(text) else {
        throw .badValue(path, value: entry.text.shown, place: entry.place, accepted: accepted)
      }
      try set(own, .one(turned), for: path, entry, &settings)
    case .combined(let combination):
      if entry.text != .none { combinations.append((combination, entry)) }
    case .only(let values, let why):
      guard case .one(let text) = entry.text, values.contains(text) else {
        if entry.text == .none { return true }
        throw .badValue(
          path, value: entry.text.shown, place: entry.place, accepted: "\(values.joined(separator: " or ")): \(why)")
      }
    case .ignored(let why):
      if entry.text != .none { notes.append("\(path) has no effect: \(why)") }
    }
    return true
  }

  private func set(
    _ own: String, _ text: SettingText, for path: String, _ entry: ConfigurationEntry, _ settings: inout RunSettings
  ) throws(SettingsError) {
    guard let key = SettingTable.byName[ConfigurationEntry.normalize(own)] else { return }
    try key.set(&settings, ConfigurationEntry(path: path, text: text, place: "\(entry.place), \(path)"))
  }

  private mutating func isMachinery(_ entry: ConfigurationEntry) -> Bool {
    let name = entry.normalized
    for (path, why) in ReleasedTable.machinery {
      let known = ConfigurationEntry.normalize(path)
      guard name == known || name.hasPrefix(known + ".") else { continue }
      let note = "\(path) has no effect: \(why)"
      if !notes.contains(note) { notes.append(note) }
      return true
    }
    return false
  }

  /// Works out the keys that depend on others.
  ///
  /// - Parameter own: settings that were given under their own names, which win.
  func combine(into settings: inout RunSettings, own: Set<String>) throws(SettingsError) {
    if !own.contains("algorithm.mode") { settings.algorithm.mode = .releasedCode }
    var usesKL = true
    for (combination, entry) in combinations {
      func refuse() -> SettingsError {
        .badValue(entry.path, value: entry.text.shown, place: entry.place, accepted: combination.accepted)
      }
      switch combination {
      case .promptsPerUpdate:
        guard let prompts = Accepted.whole(entry.text, 1...65536) else { throw refuse() }
        if !own.contains("optimizer.globalBatchSize") { settings.optimizer.globalBatchSize = prompts * settings.rollout.groupSize }
      case .responsesPerMicroBatch:
        guard let responses = Accepted.whole(entry.text, 1...1 << 24) else { throw refuse() }
        if !own.contains("optimizer.microBatchGroups") {
          settings.optimizer.microBatchGroups = max(1, responses / settings.rollout.groupSize)
        }
      case .clipRatio:
        guard let ratio = Accepted.number(entry.text, .from(0, to: 1)) else { throw refuse() }
        if !own.contains("algorithm.clipLow") { settings.algorithm.clipLow = ratio }
        if !own.contains("algorithm.clipHigh") { settings.algorithm.clipHigh = ratio }
      case .usesKL:
        guard let flag = Accepted.flag(entry.text) else { throw refuse() }
        usesKL = flag
      case .steps:
        guard let steps = Accepted.whole(entry.text, 1...Int(UInt32.max)) else { throw refuse() }
        if !own.contains("run.steps") { settings.run.steps = steps }
        if !own.contains("run.epochs") { settings.run.epochs = nil }
      case .experiment:
        guard let name = Accepted.text(entry.text), !name.isEmpty, !name.contains("/") else { throw refuse() }
        if !own.contains("run.folder"), settings.run.folder == RunSettings().run.folder { settings.run.folder = "runs/\(name)" }
      }
    }
    if !usesKL, !own.contains("algorithm.klCoefficient") { settings.algorithm.klCoefficient = 0 }
    if own.contains("run.steps"), !own.contains("run.epochs") { settings.run.epochs = nil }
  }
}
