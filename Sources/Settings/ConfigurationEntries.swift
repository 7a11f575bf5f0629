internal import Limits
internal import Yams

/// One key that a file or an override sets.
package struct ConfigurationEntry: Sendable, Equatable {
  /// As it was written, sections joined by dots.
  package let path: String
  package let text: SettingText
  /// For messages: the file with the line, or the override.
  package let place: String

  package init(path: String, text: SettingText, place: String) {
    self.path = path
    self.text = text
    self.place = place
  }

  /// How keys are compared: without case, `-` and `_`.
  package var normalized: String { Self.normalize(path) }

  var section: String { String(path.prefix { $0 != "." }) }

  static func normalize(_ path: String) -> String {
    String(String.UnicodeScalarView(path.lowercased().unicodeScalars.filter { $0 != "-" && $0 != "_" }))
  }
}

extension ConfigurationEntry {
  /// Larger files are no configuration.
  static let byteLimit = Limits.standard.texts.settings
  private static let entryLimit = Limits.standard.texts.settingsKeys
  private static let depthLimit = Limits.standard.texts.settingsDepth

  /// The keys of a YAML (or JSON) document, in order; sections within sections are joined by dots.
  package static func entries(yaml: String, file: String) throws(SettingsError) -> [ConfigurationEntry] {
    guard yaml.utf8.count <= byteLimit else {
      throw malformed(file, nil, "it has more than \(byteLimit) bytes")
    }
    if let line = lineOfAlias(inYAML: yaml) { throw malformed(file, line, "there is an alias, and none is resolved") }
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw described(error, file: file)
    } catch {
      throw malformed(file, nil, "\(error)")
    }
    guard let root else { return [] }
    guard case .mapping = root else { throw malformed(file, root.mark?.line, "a configuration is made of `section:` and `key: value`") }
    var entries: [ConfigurationEntry] = []
    try flatten(root, under: "", depth: 0, file: file, into: &entries)
    return entries
  }

  private static func flatten(
    _ node: Node, under prefix: String, depth: Int, file: String, into entries: inout [ConfigurationEntry]
  ) throws(SettingsError) {
    guard case .mapping(let mapping) = node else { return }
    guard depth < depthLimit else { throw malformed(file, node.mark?.line, "sections are nested more than \(depthLimit) deep") }
    for (key, value) in mapping {
      guard let name = key.scalar?.string else { throw malformed(file, key.mark?.line, "a key is not plain text") }
      let path = prefix + name
      let place = "\(file), line \(key.mark?.line ?? 0)"
      guard entries.count < entryLimit else { throw malformed(file, nil, "it has more than \(entryLimit) keys") }
      switch value {
      case .mapping(let inner):
        if inner.isEmpty { entries.append(.init(path: path, text: .none, place: place)) }
        try flatten(value, under: path + ".", depth: depth + 1, file: file, into: &entries)
      case .scalar(let scalar):
        entries.append(.init(path: path, text: text(scalar), place: place))
      case .sequence(let sequence):
        var texts: [String] = []
        for element in sequence {
          guard let scalar = element.scalar, texts.count < entryLimit else {
            throw malformed(file, element.mark?.line ?? key.mark?.line, "\(path) is a list of something else than plain values")
          }
          texts.append(scalar.string)
        }
        entries.append(.init(path: path, text: .several(texts), place: place))
      case .alias:
        throw malformed(file, value.mark?.line, "\(path) is an alias, which is not resolved")
      }
    }
  }

  private static func text(_ scalar: Node.Scalar) -> SettingText {
    let isPlain = scalar.style == .plain || scalar.style == .any
    return isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string) ? .none : .one(scalar.string)
  }

  /// One `section.key=value` of the command line; `[a, b]` is a list.
  static func override(_ argument: String) throws(SettingsError) -> ConfigurationEntry {
    let place = "override \(argument.prefix(120))"
    guard let equals = argument.firstIndex(of: "="), equals > argument.startIndex else {
      throw SettingsError(
        code: "settings.bad-override", message: "\(place): it has no = behind a key", advice: "write for instance run.steps=50")
    }
    let value = String(argument[argument.index(after: equals)...])
    let text: SettingText =
      if value == "null" || value == "~" {
        .none
      } else if value.hasPrefix("["), value.hasSuffix("]") {
        .several(Accepted.texts(.one(String(value.dropFirst().dropLast()))) ?? [])
      } else {
        .one(value)
      }
    return ConfigurationEntry(path: String(argument[..<equals]), text: text, place: place)
  }

  private static func malformed(_ file: String, _ line: Int?, _ reason: String) -> SettingsError {
    SettingsError(
      code: "settings.malformed", message: line.map { "\(file), line \($0): \(reason)" } ?? "\(file): \(reason)",
      advice: "`sophia train --help-config` prints a whole configuration")
  }

  private static func described(_ error: YamlError, file: String) -> SettingsError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _), .composer(_, let problem, let mark, _):
      malformed(file, mark.line, "not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      malformed(file, context.mark.line, "the same key stands there twice: " + duplicates.map { "\($0)" }.joined(separator: ", "))
    default:
      malformed(file, nil, "not YAML: \(error)")
    }
  }
}
