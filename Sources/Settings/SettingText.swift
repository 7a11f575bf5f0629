/// What a file or an override gives a key: one text, several, or nothing.
package enum SettingText: Sendable, Equatable {
  case one(String)
  case several([String])
  case none

  /// As a message shows it.
  package var shown: String {
    switch self {
    case .one(let text): String(text.prefix(80))
    case .several(let texts): "[" + String(texts.joined(separator: ", ").prefix(80)) + "]"
    case .none: "null"
    }
  }
}

/// The types and ranges that settings have: each turns text into a value or does not accept it.
enum Accepted {
  static func whole(_ text: SettingText, _ range: ClosedRange<Int>) -> Int? {
    guard case .one(let text) = text, let value = Int(text.filter { $0 != "_" }), range ~= value else { return nil }
    return value
  }

  static func number(_ text: SettingText, _ range: NumberRange) -> Double? {
    guard case .one(let text) = text, let value = Double(text), value.isFinite, range.contains(value) else { return nil }
    return value
  }

  static func flag(_ text: SettingText) -> Bool? {
    guard case .one(let text) = text else { return nil }
    switch text.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default: return nil
    }
  }

  static func text(_ text: SettingText) -> String? {
    guard case .one(let text) = text, !text.utf8.contains(0) else { return nil }
    return text
  }

  /// A list, or one text with commas.
  static func texts(_ text: SettingText) -> [String]? {
    switch text {
    case .none: return []
    case .several(let texts): return texts
    case .one(let text):
      return text.split(separator: ",").map { part in
        String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
      }
    }
  }
}

/// An interval of numbers, open or closed below.
struct NumberRange: Sendable {
  let least: Double
  let isOpen: Bool
  let most: Double

  static func from(_ least: Double, to most: Double = .infinity) -> NumberRange {
    NumberRange(least: least, isOpen: false, most: most)
  }

  static func above(_ least: Double, to most: Double = .infinity) -> NumberRange {
    NumberRange(least: least, isOpen: true, most: most)
  }

  func contains(_ value: Double) -> Bool { (isOpen ? value > least : value >= least) && value <= most }

  var description: String {
    let low = isOpen ? "more than \(short(least))" : most.isFinite ? "from \(short(least))" : "\(short(least)) or more"
    return "a number \(low)" + (most.isFinite ? "\(isOpen ? " and" : "") \(isOpen ? "at most" : "to") \(short(most))" : "")
  }

  private func short(_ value: Double) -> String { Int(exactly: value).map(String.init) ?? "\(value)" }
}
