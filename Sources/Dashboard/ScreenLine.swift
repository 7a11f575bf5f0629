/// One line of a terminal's screen: pieces of text, each in one ink. What is added is cleaned, so no piece can do anything but show.
package struct ScreenLine: Sendable, Hashable {
  package enum Ink: Sendable, Hashable {
    case plain, strong, faint, good, warning, bad
    /// Dark on bright: headings.
    case bar
  }

  struct Piece: Sendable, Hashable {
    var text: String
    var ink: Ink
  }

  private(set) var pieces: [Piece] = []
  /// In columns.
  private(set) var width = 0

  init(_ text: String = "", _ ink: Ink = .plain) {
    add(text, ink)
  }

  mutating func add(_ text: String, _ ink: Ink = .plain) {
    guard !text.isEmpty else { return }
    let text = TerminalText.clean(text)
    pieces.append(Piece(text: text, ink: ink))
    width += TerminalText.width(text)
  }

  mutating func add(_ line: ScreenLine) {
    pieces += line.pieces
    width += line.width
  }

  /// As many parts as fit, two or more spaces apart. The first is cut where it alone is too wide.
  init(parts: [ScreenLine], columns: Int, gap: String = "   ") {
    for part in parts where part.width > 0 {
      if width == 0 {
        add(part.cut(to: columns))
      } else if width + gap.count + part.width <= columns {
        add(gap)
        add(part)
      }
    }
  }

  func cut(to columns: Int) -> ScreenLine {
    guard width > columns else { return self }
    var line = ScreenLine()
    for piece in pieces {
      let room = columns - line.width
      // One column is kept for the sign that says that something is missing.
      guard TerminalText.width(piece.text) < room else {
        line.add(TerminalText.cut(piece.text + " ", to: room), piece.ink)
        break
      }
      line.add(piece.text, piece.ink)
    }
    return line
  }

  func padded(to columns: Int, _ ink: Ink = .plain) -> ScreenLine {
    var line = self
    line.add(String(repeating: " ", count: max(0, columns - width)), ink)
    return line
  }

  func inked(_ ink: Ink) -> ScreenLine {
    var line = self
    for index in line.pieces.indices { line.pieces[index].ink = ink }
    return line
  }

  package var plain: String { pieces.map(\.text).joined() }

  /// With escape sequences if there are colours.
  package func text(color: Bool, unicode: Bool) -> String {
    pieces.map { piece in
      let text = unicode ? piece.text : TerminalText.ascii(piece.text)
      guard color, let code = Self.code(of: piece.ink) else { return text }
      return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }.joined()
  }

  private static func code(of ink: Ink) -> String? {
    switch ink {
    case .plain: nil
    case .strong: "1"
    case .faint: "2"
    case .good: "32"
    case .warning: "33"
    case .bad: "1;31"
    case .bar: "7"
    }
  }

  /// A bar of `width` columns, the share of which in [0, 1] is full.
  static func bar(_ share: Double, width: Int) -> ScreenLine {
    let share = share.isFinite ? min(1, max(0, share)) : 0
    let full = Int((share * Double(max(0, width))).rounded(.down))
    var line = ScreenLine(String(repeating: "━", count: full), .good)
    line.add(String(repeating: "─", count: max(0, width) - full), .faint)
    return line
  }
}
