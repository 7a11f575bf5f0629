import Foundation
import Testing

@testable import Dashboard

@Suite("Text on a terminal")
struct TerminalTextTests {
  @Test(
    "what a terminal would obey is shown as a question mark",
    arguments: [
      ("plain name", "plain name"), ("\u{1B}[2Jgone", "?[2Jgone"), ("a\nb\r\tc\u{7F}", "a?b??c?"), ("\u{9B}31m", "?31m"),
      ("left\u{202E}right\u{2066}", "left?right?"), ("zero\u{200B}width\u{FEFF}", "zero?width?"), ("a\u{2028}b", "a?b"),
      ("👩\u{200D}🚀", "👩?🚀"), ("👍\u{1F3FD}", "👍?"), ("🇩🇪", "??"), ("☀\u{FE0F}", "☀"), ("\u{E000}", "?"),
      ("no\u{A0}break\u{3000}wide", "no break wide"), ("日本", "日本"), ("\u{301}x", "x"),
      ("e\u{301}\u{302}\u{303}\u{304}", "e\u{301}\u{302}"),
    ])
  func cleans(text: String, shown: String) {
    #expect(Array(TerminalText.clean(text).unicodeScalars) == Array(shown.unicodeScalars))
  }

  @Test("cleaning twice changes nothing more, whatever comes")
  func cleansOnce() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let text = String(
        String.UnicodeScalarView((0..<40).compactMap { _ in Unicode.Scalar(UInt32.random(in: 0...0x2FFFF, using: &random)) }))
      let once = TerminalText.clean(text)
      #expect(TerminalText.clean(once) == once)
      for columns in 0...20 { #expect(TerminalText.width(TerminalText.cut(once, to: columns)) <= columns) }
      #expect(TerminalText.width(TerminalText.ascii(once)) == TerminalText.width(once))
      #expect(TerminalText.ascii(once).utf8.allSatisfy { 0x20..<0x7F ~= $0 })
    }
  }

  @Test(
    "long texts go on in the next line, between words where there are some",
    arguments: [
      ("one two three four", ["one two", "three", "four"]), ("abcdefghijklmnopqr", ["abcdefgh", "ijklmnop", "qr"]), ("", []),
      ("a  b ", ["a b"]), ("日本日本日本", ["日本日本", "日本"]), ("x abcdefghij", ["x", "abcdefgh", "ij"]),
    ])
  func wraps(text: String, lines: [String]) {
    #expect(TerminalText.wrapped(text, to: 8) == lines)
  }

  @Test("widths are those of the C library, for every sign that is shown")
  func widths() throws {
    let locale = try #require(newlocale(LC_CTYPE_MASK, "C.UTF-8", nil))
    let before = uselocale(locale)
    defer {
      uselocale(before)
      freelocale(locale)
    }
    // Its declaration is hidden from Swift.
    typealias Width = @convention(c) (wchar_t) -> Int32
    let wcwidth = unsafeBitCast(try #require(dlsym(nil, "wcwidth")), to: Width.self)
    var different: [String] = []
    for value in UInt32(0x20)..<0x30000 {
      guard let scalar = Unicode.Scalar(value), TerminalText.clean(String(scalar)) == String(scalar) else { continue }
      let width = wcwidth(wchar_t(bitPattern: value))
      // Signs that came into Unicode after one of the two.
      guard width >= 0 else { continue }
      if Int(width) != TerminalText.width(scalar) { different.append("U+\(String(value, radix: 16)) \(width)") }
    }
    #expect(different == [])
  }
}

@Suite("Lines of a screen")
struct ScreenLineTests {
  @Test("a line is cut where the terminal ends, and says so", arguments: 0...12)
  func cuts(columns: Int) {
    var line = ScreenLine("ab", .strong)
    line.add("日本", .good)
    line.add("cd")
    let cut = line.cut(to: columns)
    #expect(cut.width <= columns)
    #expect(cut.width == TerminalText.width(cut.plain))
    #expect(columns >= 8 ? cut == line : columns == 0 ? cut.plain == "" : cut.plain.hasSuffix("…"))
  }

  @Test("without colours there is not one escape sequence, without Unicode not one other sign")
  func plain() {
    var line = ScreenLine.bar(0.5, width: 4)
    line.add(" 日 – “x”", .bad)
    #expect(line.text(color: false, unicode: true) == "━━── 日 – “x”")
    #expect(line.text(color: false, unicode: false) == #"##-- ?? - "x""#)
    #expect(line.text(color: true, unicode: false) == "\u{1B}[32m##\u{1B}[0m\u{1B}[2m--\u{1B}[0m\u{1B}[1;31m ?? - \"x\"\u{1B}[0m")
  }

  @Test("a bar bears any share", arguments: [(-1, 0), (0, 0), (0.5, 5), (1, 10), (7, 10), (Double.nan, 0), (.infinity, 0)])
  func bars(share: Double, full: Int) {
    #expect(ScreenLine.bar(share, width: 10).plain == String(repeating: "━", count: full) + String(repeating: "─", count: 10 - full))
  }

  @Test("only rows that changed are written")
  func frames() {
    var screen = ClusterScreen()
    let frame = { (screen: inout ClusterScreen, rows: [String]) in
      screen.frame(rows.map { ScreenLine($0) }, columns: 80, color: false, unicode: true)
    }
    #expect(frame(&screen, ["a", "b"]) == "\u{1B}[0m\u{1B}[2J\u{1B}[1;1H\u{1B}[2Ka\u{1B}[2;1H\u{1B}[2Kb")
    #expect(frame(&screen, ["a", "b"]) == "")
    #expect(frame(&screen, ["a", "c"]) == "\u{1B}[2;1H\u{1B}[2Kc")
    #expect(frame(&screen, ["a"]) == "\u{1B}[0m\u{1B}[2J\u{1B}[1;1H\u{1B}[2Ka")
    screen.forget()
    #expect(frame(&screen, ["a"]) == "\u{1B}[0m\u{1B}[2J\u{1B}[1;1H\u{1B}[2Ka")
  }
}
