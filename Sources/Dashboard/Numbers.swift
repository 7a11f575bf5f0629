internal import Foundation

/// Numbers as people read them.
package enum Numbers {
  /// Three digits that count: `0.83`, `12.5`, `1,340`, `4.0e-05`. `–` for what is no number.
  package static func short(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "–" : value > 0 ? "∞" : "−∞" }
    let size = abs(value)
    let text =
      switch size {
      case 0: "0"
      case ..<0.001: exponential(size)
      case ..<0.01: fixed(size, 4)
      case ..<10: fixed(size, size == size.rounded() ? 0 : size < 1 ? 3 : 2)
      case ..<100: fixed(size, size == size.rounded() ? 0 : 1)
      default: grouped(size)
      }
    return value < 0 ? "−" + text : text
  }

  package static func fixed(_ value: Double, _ decimals: Int) -> String {
    String(format: "%.\(decimals)f", value)
  }

  /// Whole, with thousands apart: `12,800`.
  package static func grouped(_ value: Double) -> String {
    guard abs(value) < 1e15 else { return exponential(value) }
    var digits = Array(String(Int(value.rounded().magnitude)))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return (value < 0 ? "−" : "") + String(digits)
  }

  package static func percent(_ share: Double) -> String {
    share.isFinite ? fixed(100 * share, 1) + " %" : "–"
  }

  /// `8.4 s`, `48 s`, `4 min 12 s`, `2 h 5 min`.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "–" }
    if seconds < 9.95 { return fixed(seconds, 1) + " s" }
    let whole = Int(seconds.rounded())
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
  }

  /// `2026-11-23 14:05:09 UTC`.
  package static func date(_ seconds: Double) -> String {
    guard abs(seconds) < 1e11 else { return "–" }
    let text = Date(timeIntervalSince1970: seconds.rounded()).ISO8601Format()
    return text.replacingOccurrences(of: "T", with: " ").replacingOccurrences(of: "Z", with: " UTC")
  }

  private static func exponential(_ value: Double) -> String { String(format: "%.1e", value) }
}
