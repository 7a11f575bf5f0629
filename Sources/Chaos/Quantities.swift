internal import Foundation

/// Times and sizes as plans write them.
extension Duration {
  /// `200 ms`, `2 s`, `-1.5 min`, `1 h`; a number alone is seconds. Nil for anything else, and beyond a year.
  package init?(text: String) {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("min", 60), ("h", 3600)]
    let digits = text.prefix { $0.isNumber || "+-.".contains($0) }
    let unit = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
    guard let number = Double(digits), let scale = unit.isEmpty ? 1 : units.first(where: { $0.0 == unit })?.1,
      abs(number * scale) <= 366 * 86400
    else { return nil }
    self = .microseconds(Int64((number * scale * 1e6).rounded()))
  }

  /// What `init(text:)` reads.
  package var text: String {
    let seconds = inSeconds
    let size = abs(seconds)
    let (number, unit) =
      size >= 3600 && size.truncatingRemainder(dividingBy: 3600) == 0
      ? (seconds / 3600, "h") : size >= 1 || size == 0 ? (seconds, "s") : (seconds * 1000, "ms")
    let rounded = (number * 1000).rounded() / 1000
    return (rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)") + " " + unit
  }

  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// `5000`, `20 kB`, `2 MB`; nil for anything else.
func bytes(text: String) -> Int? {
  let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "_" }
  let unit = text.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
  let scale: Double? = ["": 1, "B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "kB/s": 1e3, "MB/s": 1e6][unit]
  guard let number = Double(digits.filter { $0 != "_" }), let scale, number * scale < 1e15 else { return nil }
  return Int(number * scale)
}
