import Testing

@testable import Dashboard

@Suite("Keys")
struct TerminalKeyTests {
  private static let sequences: [(String, [TerminalKey])] = [
    ("\u{1B}[A", [.up]), ("\u{1B}[B", [.down]), ("\u{1B}OA", [.up]), ("\u{1B}[5~", [.pageUp]), ("\u{1B}[6~", [.pageDown]),
    ("\u{1B}[H", [.home]), ("\u{1B}[1~", [.home]), ("\u{1B}OF", [.end]), ("\u{1B}[4~", [.end]), ("\u{1B}[1;5A", [.up]),
    ("\u{1B}[C", []), ("\u{1B}[3~", []), ("q", [.character("q")]), ("\r", [.enter]), ("\u{7F}", [.backspace]), ("\u{3}", [.interrupt]),
    ("\u{1A}", [.suspend]), ("\u{C}", [.redraw]), ("\u{15}", [.eraseLine]), ("\u{1}", []), ("ä日👍", [.character("ä"), .character("日"), .character("👍")]),
    ("\u{1B}[Aj\u{1B}[B", [.up, .character("j"), .down]), ("\u{1B}q", [.escape, .character("q")]),
  ]

  @Test("bytes are keys", arguments: sequences)
  func keys(text: String, expected: [TerminalKey]) {
    var keys = TerminalKeys()
    #expect(keys.receive(text.utf8) == expected)
    #expect(!keys.isHolding)
    #expect(keys.pause() == [])
  }

  @Test("it makes no difference where a read ends", arguments: sequences)
  func split(text: String, expected: [TerminalKey]) {
    let bytes = Array(text.utf8)
    for place in 0...bytes.count {
      var keys = TerminalKeys()
      #expect(keys.receive(bytes[..<place]) + keys.receive(bytes[place...]) == expected)
    }
    var keys = TerminalKeys()
    #expect(bytes.flatMap { keys.receive([$0]) } == expected)
  }

  @Test("only a pause makes the Escape key of an escape")
  func escape() {
    var keys = TerminalKeys()
    #expect(keys.receive([0x1B]) == [])
    #expect(keys.isHolding)
    #expect(keys.pause() == [.escape])
    #expect(keys.receive("[A".utf8) == [.character("["), .character("A")])
  }

  @Test("what is no key is dropped, and keys after it count")
  func garbage() {
    var keys = TerminalKeys()
    #expect(keys.receive([0xFF, 0xC3, 0x28]) == [.character("(")])
    #expect(keys.receive(Array("\u{1B}[".utf8) + Array(repeating: 0x31, count: 100)) == [])
    #expect(!keys.isHolding)
    #expect(keys.receive("q".utf8) == [.character("q")])
    for _ in 0..<2000 { _ = keys.receive((0..<8).map { _ in UInt8.random(in: 0...255) }) }
    _ = keys.pause()
    #expect(keys.receive("q".utf8) == [.character("q")])
  }
}
