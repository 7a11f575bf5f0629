/// Text as a terminal shows it. Names come from peers, and a terminal obeys what it should only show: so what moves a cursor,
/// turns the direction of writing or joins signs is replaced, and of what is left the width is known.
enum TerminalText {
  /// No name or sentence that is shown is longer; what is gets cut before it is looked at further.
  private static let longest = 2000
  /// More accents on one letter are meant to reach into other lines.
  private static let marksOnOne = 2

  /// Replaces by `?` what is no visible sign of a known width.
  static func clean(_ text: String) -> String {
    // By far the most.
    if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text.utf8.count <= longest ? text : String(text.prefix(longest)) }
    var kept = String.UnicodeScalarView()
    var marks = marksOnOne
    for scalar in text.unicodeScalars.prefix(longest) {
      switch look(of: scalar) {
      case .sign:
        kept.append(scalar)
        marks = 0
      case .space:
        kept.append(" ")
        marks = marksOnOne
      case .mark:
        guard marks < marksOnOne else { continue }
        kept.append(scalar)
        marks += 1
      case .selector: continue
      case .other:
        kept.append("?")
        marks = marksOnOne
      }
    }
    return String(kept)
  }

  /// Columns that a cleaned text takes.
  static func width(_ text: String) -> Int {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.utf8.count }
    return text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return isWide(scalar) ? 2 : 1
    }
  }

  /// As much of a cleaned text as `columns` hold; what is cut ends in `…`.
  static func cut(_ text: String, to columns: Int) -> String {
    guard width(text) > columns else { return text }
    guard columns > 0 else { return "" }
    var kept = String.UnicodeScalarView()
    var room = columns - 1
    for scalar in text.unicodeScalars {
      room -= width(scalar)
      guard room >= 0 else { break }
      kept.append(scalar)
    }
    kept.append("…")
    return String(kept)
  }

  /// A text in lines of at most `columns`, 8 or more; broken between words where there are some.
  static func wrapped(_ text: String, to columns: Int) -> [String] {
    let columns = max(8, columns)
    var lines: [String] = []
    var line = ""
    func end() {
      if !line.isEmpty { lines.append(line) }
      line = ""
    }
    for word in clean(text).split(separator: " ") {
      if width(line) + 1 + width(String(word)) > columns { end() }
      if !line.isEmpty { line += " " }
      for scalar in word.unicodeScalars {
        if width(line) + width(scalar) > columns { end() }
        line.unicodeScalars.append(scalar)
      }
    }
    end()
    return lines
  }

  /// A cleaned text for terminals that show ASCII alone; as wide as it was.
  static func ascii(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
    return text.unicodeScalars.reduce(into: "") { written, scalar in
      if scalar.isASCII {
        written.unicodeScalars.append(scalar)
      } else {
        written += standIns[scalar] ?? String(repeating: "?", count: width(scalar))
      }
    }
  }

  private static let standIns: [Unicode.Scalar: String] = [
    "━": "#", "─": "-", "…": ">", "–": "-", "−": "-", "“": "\"", "”": "\"", "↑": "^", "↓": "v",
  ]

  private enum Look {
    case sign, space, mark, selector, other
  }

  private static func look(of scalar: Unicode.Scalar) -> Look {
    let properties = scalar.properties
    // Chooses between pictures and plain signs; without it, every terminal takes the width of the sign itself.
    if properties.isVariationSelector { return .selector }
    if isDisputed(scalar) || properties.isEmojiModifier || properties.isDefaultIgnorableCodePoint { return .other }
    switch properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: return .other
    case .spaceSeparator: return .space
    case .nonspacingMark, .enclosingMark: return .mark
    default: return .sign
    }
  }

  /// Halves of Korean syllables and of flags, hexagrams, a vowel of Ahom: terminals disagree on how wide they are.
  private static func isDisputed(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1160...0x11FF, 0x4DC0...0x4DFF, 0xD7B0...0xD7FF, 0x1171E, 0x1F1E6...0x1F1FF: true
    default: false
    }
  }

  /// Of Unicode's East Asian Width property, W and F.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    guard scalar.value >= 0x1100 else { return false }
    switch scalar.value {
    case 0x1100...0x115F, 0x2329...0x232A, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18D7F, 0x1AFF0...0x1B2FF,
      0x1F200...0x1F2FF, 0x20000...0x3FFFD:
      return true
    default: return scalar.properties.isEmojiPresentation
    }
  }
}
