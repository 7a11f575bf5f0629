/// Text that is safe to put into the page. Only this file turns plain text into it.
package struct HTML: Sendable, ExpressibleByStringInterpolation, CustomStringConvertible {
  package private(set) var source: String

  /// Markup written by this program: a literal, in which what is interpolated is escaped unless it is HTML already.
  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      source.reserveCapacity(literalCapacity + 32 * interpolationCount)
    }

    package mutating func appendLiteral(_ literal: String) { source += literal }
    package mutating func appendInterpolation(_ markup: HTML) { source += markup.source }
    package mutating func appendInterpolation(_ markup: [HTML]) { for part in markup { source += part.source } }
    package mutating func appendInterpolation(_ text: String) { source += HTML.escape(text) }
    package mutating func appendInterpolation(_ number: Int) { source += String(number) }

    /// A coordinate: two decimals, and nothing that is no number.
    package mutating func appendInterpolation(_ coordinate: Double) {
      source += coordinate.isFinite ? Numbers.fixed(coordinate, 2) : "0"
    }
  }

  package init(stringLiteral literal: String) { source = literal }
  package init(stringInterpolation: StringInterpolation) { source = stringInterpolation.source }

  package static let empty: HTML = ""

  package var description: String { source }

  /// For text and for attribute values in quotes. Control characters, which HTML has no way to write, become `�`.
  static func escape(_ text: String) -> String {
    var escaped = ""
    escaped.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      case "\0"..<" ", "\u{7F}"..<"\u{A0}": escaped.unicodeScalars.append("\u{FFFD}")
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
