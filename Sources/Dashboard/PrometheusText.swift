/// Metrics in the text format that Prometheus scrapes, version 0.0.4.
struct PrometheusText {
  static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  enum Kind: String { case gauge, counter }

  private(set) var text = ""

  /// One metric with its series. A series that has the labels of an earlier one is left out: one such spoils the whole page for
  /// whoever scrapes it.
  mutating func add(_ name: String, _ kind: Kind, help: String, _ series: [(labels: [(name: String, value: String)], value: Double)]) {
    guard !series.isEmpty else { return }
    text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    var seen = Set<String>()
    for (labels, value) in series {
      let labels = labels.map { "\($0.name)=\"\(Self.escaped($0.value, quotes: true))\"" }.joined(separator: ",")
      guard seen.insert(labels).inserted else { continue }
      text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(Self.number(value))\n"
    }
  }

  mutating func add(_ name: String, _ kind: Kind, help: String, _ value: Double) {
    add(name, kind, help: help, [(labels: [], value: value)])
  }

  /// No longer label is kept whole: names are short.
  private static let longestLabel = 256

  static func escaped(_ text: String, quotes: Bool) -> String {
    var written = String.UnicodeScalarView()
    for scalar in text.unicodeScalars.prefix(longestLabel) {
      switch scalar {
      case "\\": written += "\\\\".unicodeScalars
      case "\n": written += "\\n".unicodeScalars
      case "\"" where quotes: written += "\\\"".unicodeScalars
      default: written.append(scalar)
      }
    }
    return String(written)
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
  }
}
