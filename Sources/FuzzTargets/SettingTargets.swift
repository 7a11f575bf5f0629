internal import Settings

extension FuzzTarget {
  static let settings: [FuzzTarget] = [
    FuzzTarget("settings-yaml", maximumLength: 640, dictionary: "settings", run: settingsYAML),
    FuzzTarget("settings-json", maximumLength: 6144, dictionary: "settings", run: settingsJSON),
  ]

  /// A file, and after a byte that is in no text an override.
  @Sendable
  private static func settingsYAML(_ bytes: [UInt8]) -> Bool {
    var input = FuzzInput(bytes)
    let (yaml, override) = (input.text(), input.text())
    guard
      let loaded = try? LoadedSettings.parse(yaml, file: "fuzzed.yaml", overrides: override.isEmpty ? [] : [override])
    else { return false }
    var settings = loaded.settings
    do {
      let read = try RunSettings(json: settings.json())
      require(read == settings, "settings travel as others: \(read)")
    } catch {
      require(false, "settings that were accepted cannot travel: \(error)")
    }
    settings.resolve(trainingRows: 1 << 30)
    require(settings.run.steps >= 1, "\(settings.run.steps) steps")
    return true
  }

  @Sendable
  private static func settingsJSON(_ bytes: [UInt8]) -> Bool {
    guard let settings = try? RunSettings(json: String(decoding: bytes, as: UTF8.self)) else { return false }
    do {
      let written = try settings.json()
      require(try RunSettings(json: written).json() == written, "settings change when they are sent on")
    } catch {
      require(false, "settings that were accepted cannot travel: \(error)")
    }
    return true
  }
}
