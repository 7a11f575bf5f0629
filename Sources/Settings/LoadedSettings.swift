internal import ActionableErrors
internal import DurableFiles

/// Settings from a configuration, and what its reader should be told about it.
package struct LoadedSettings: Sendable, Equatable {
  package let settings: RunSettings
  /// One line each: keys without effect and why, and what the configuration amounts to where that may surprise.
  package let notes: [String]
}

extension LoadedSettings {
  /// Reads a configuration in this program's own form (YAML, or the JSON of a run folder) or in the form that users of
  /// SophiaVL-R1's released code have, which is told by its sections `worker` and `trainer`.
  ///
  /// - Parameters:
  ///   - file: the configuration; files named in it are relative to the current folder.
  ///   - overrides: `section.key=value`, which win over the file; the last one wins.
  /// - Throws: `FileError` or a `SettingsError` that names the key, where it stands, and what is accepted.
  package static func read(_ file: String, overrides: [String] = []) throws -> LoadedSettings {
    let bytes = try DurableFiles.read(file, limit: ConfigurationEntry.byteLimit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw SettingsError(code: "settings.malformed", message: "\(file) is not UTF-8", advice: "save it as UTF-8")
    }
    return try parse(text, file: file, overrides: overrides)
  }

  /// - Parameter file: how messages name the configuration.
  package static func parse(
    _ text: String, file: String, overrides: [String] = []
  ) throws(SettingsError) -> LoadedSettings {
    var entries = try ConfigurationEntry.entries(yaml: text, file: file)
    for override in overrides { entries.append(try .override(override)) }
    var form = entries.contains { ReleasedForm.isSign($0) } ? ReleasedForm() : nil
    var settings = RunSettings()
    var own: Set<String> = []
    for entry in entries {
      if try form?.take(entry, into: &settings) == true { continue }
      guard let key = SettingTable.byName[entry.normalized] else {
        let known = SettingTable.keys.map(\.path) + (form == nil ? [] : ReleasedTable.keys.map(\.path))
        throw .unknownKey(entry.path, place: entry.place, nearest: nearestKey(to: entry.path, among: known))
      }
      try key.set(&settings, entry)
      own.insert(key.path)
    }
    if let form { try form.combine(into: &settings, own: own) }
    if !own.contains("algorithm.totalSteps") { settings.algorithm.totalSteps = settings.run.steps }
    if !own.contains("thinking.kind") {
      if !settings.thinking.folder.isEmpty {
        settings.thinking.kind = .local
      } else if !settings.thinking.url.isEmpty {
        settings.thinking.kind = .served
      }
    }
    try settings.check(file: file)
    return LoadedSettings(settings: settings, notes: (form?.notes ?? []) + settings.remarks)
  }
}

extension RunSettings {
  package static func hasKey(_ entry: ConfigurationEntry) -> Bool { SettingTable.byName[entry.normalized] != nil }

  /// Sets the keys of `entries`, in order, and checks what comes of it.
  ///
  /// - Parameter place: where they come from, for messages about several of them.
  package func changed(by entries: [ConfigurationEntry], place: String) throws(SettingsError) -> RunSettings {
    var settings = self
    for entry in entries {
      guard let key = SettingTable.byName[entry.normalized] else {
        throw .unknownKey(entry.path, place: entry.place, nearest: nearestKey(to: entry.path, among: SettingTable.keys.map(\.path)))
      }
      try key.set(&settings, entry)
    }
    if !entries.contains(where: { $0.normalized == "algorithm.totalsteps" }) { settings.algorithm.totalSteps = settings.run.steps }
    try settings.check(file: place)
    return settings
  }
}

extension SettingKey {
  /// Sets the value of an entry; null leaves a setting that cannot be absent at its default.
  func set(_ settings: inout RunSettings, _ entry: ConfigurationEntry) throws(SettingsError) {
    if apply(&settings, entry.text) || entry.text == .none { return }
    throw .badValue(path, value: entry.text.shown, place: entry.place, accepted: accepted)
  }
}

extension SettingTable {
  static let byName: [String: SettingKey] = Dictionary(
    keys.map { (ConfigurationEntry.normalize($0.path), $0) }, uniquingKeysWith: { first, _ in first })
}
