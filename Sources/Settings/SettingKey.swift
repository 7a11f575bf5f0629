internal import TrustGRPO

/// One setting: its name, what it accepts, what it means, and where it is kept. Parsing, checks and documentation all come
/// from here.
struct SettingKey: Sendable {
  /// `section.name`. In a file and in overrides case, `-` and `_` in it do not matter.
  let path: String
  /// Completes "it must be ...".
  let accepted: String
  let meaning: String
  /// Puts a value in its place; `false` if it is not accepted.
  let apply: @Sendable (inout RunSettings, SettingText) -> Bool
  /// The value as a configuration would have it.
  let show: @Sendable (RunSettings) -> String
}

extension SettingKey {
  typealias Place<Value> = WritableKeyPath<RunSettings, Value> & Sendable

  private static func make<Value>(
    _ path: String, _ place: Place<Value>, _ accepted: String, _ meaning: String,
    read: @escaping @Sendable (SettingText) -> Value?, show: @escaping @Sendable (Value) -> String
  ) -> SettingKey {
    SettingKey(
      path: path, accepted: accepted, meaning: meaning,
      apply: { settings, text in
        guard let value = read(text) else { return false }
        settings[keyPath: place] = value
        return true
      },
      show: { show($0[keyPath: place]) })
  }

  static func whole(_ path: String, _ place: Place<Int>, _ range: ClosedRange<Int>, _ meaning: String) -> SettingKey {
    make(path, place, wholeNumber(range), meaning, read: { Accepted.whole($0, range) }, show: { "\($0)" })
  }

  /// `null` stands for the absence that `meaning` describes.
  static func whole(_ path: String, _ place: Place<Int?>, _ range: ClosedRange<Int>, _ meaning: String) -> SettingKey {
    make(
      path, place, wholeNumber(range) + ", or null", meaning,
      read: { $0 == .none ? .some(nil) : Accepted.whole($0, range).map { .some($0) } }, show: { $0.map { "\($0)" } ?? "null" })
  }

  static func seed(_ path: String, _ place: Place<UInt64>, _ meaning: String) -> SettingKey {
    make(
      path, place, "a whole number from 0 on", meaning,
      read: { text in
        if case .one(let text) = text { UInt64(text) } else { nil }
      }, show: { "\($0)" })
  }

  static func number(_ path: String, _ place: Place<Double>, _ range: NumberRange, _ meaning: String) -> SettingKey {
    make(path, place, range.description, meaning, read: { Accepted.number($0, range) }, show: { "\($0)" })
  }

  static func flag(_ path: String, _ place: Place<Bool>, _ meaning: String) -> SettingKey {
    make(path, place, "true or false", meaning, read: Accepted.flag, show: { "\($0)" })
  }

  static func text(
    _ path: String, _ place: Place<String>, _ accepted: String = "text", _ meaning: String,
    if isAccepted: @escaping @Sendable (String) -> Bool = { _ in true }
  ) -> SettingKey {
    make(
      path, place, accepted, meaning, read: { Accepted.text($0).flatMap { isAccepted($0) ? $0 : nil } },
      show: { $0.isEmpty ? "\"\"" : $0 })
  }

  static func text(_ path: String, _ place: Place<String?>, _ meaning: String) -> SettingKey {
    make(
      path, place, "text, or null", meaning, read: { $0 == .none ? .some(nil) : Accepted.text($0).map { .some($0) } },
      show: { $0 ?? "null" })
  }

  static func texts(
    _ path: String, _ place: Place<[String]>, _ accepted: String, _ meaning: String,
    if isAccepted: @escaping @Sendable ([String]) -> Bool = { _ in true }
  ) -> SettingKey {
    make(
      path, place, accepted, meaning, read: { Accepted.texts($0).flatMap { isAccepted($0) ? $0 : nil } },
      show: { "[\($0.joined(separator: ", "))]" })
  }

  static func choice<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ path: String, _ place: Place<Choice>, _ meaning: String
  ) -> SettingKey where Choice.RawValue == String {
    make(
      path, place, oneOf(Choice.allCases.map(\.rawValue)), meaning,
      read: { Accepted.text($0).flatMap(Choice.init) }, show: { $0.rawValue })
  }

  static func choice(_ path: String, _ place: Place<String>, _ choices: [String], _ meaning: String) -> SettingKey {
    make(
      path, place, oneOf(choices), meaning, read: { Accepted.text($0).flatMap { choices.contains($0) ? $0 : nil } },
      show: { $0 })
  }

  private static func wholeNumber(_ range: ClosedRange<Int>) -> String {
    "a whole number from \(range.lowerBound) " + (range.upperBound == .max ? "on" : "to \(range.upperBound)")
  }

  private static func oneOf(_ choices: [String]) -> String {
    choices.count == 1 ? choices[0] : choices.dropLast().joined(separator: ", ") + " or " + (choices.last ?? "")
  }
}
