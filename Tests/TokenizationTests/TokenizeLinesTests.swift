import Foundation
import Testing

@testable import Tokenization

@Suite("Tokens of JSON lines")
struct TokenizeLinesTests {
  private let folder = Fixture.path("").replacing(/\/$/, with: "")

  private func run(_ lines: [[UInt8]], decode: Bool = false) throws -> [String] {
    var output: [String] = []
    try TokenizeLines.run(model: folder, decode: decode, lines: lines) { output.append($0) }
    return output
  }

  @Test("strings give ids, and ids the strings they came from")
  func roundTrip() throws {
    let rows = try Fixture.read("encodings.json", as: [Fixture.Encoding].self)
    let encoder = JSONEncoder()
    let lines = try rows.map { Array(try encoder.encode($0.text)) }
    let ids = try run(lines)
    #expect(try ids.map { try JSONDecoder().decode([Int32].self, from: Data($0.utf8)) } == rows.map(\.ids))
    let texts = try run(ids.map { Array($0.utf8) }, decode: true)
    for (text, row) in zip(texts, rows) {
      #expect(try scalars(JSONDecoder().decode(String.self, from: Data(text.utf8))) == scalars(row.decoded))
    }
  }

  @Test("blank lines give nothing but count")
  func blank() throws {
    #expect(try run([[], Array(#""a""#.utf8), [0x0D], Array(" \"a\" \r".utf8)]).count == 2)
    let error = #expect(throws: TokenizerError.self) { try run([[], Array(#""a""#.utf8), [], Array("a".utf8)]) }
    #expect(error?.message.contains("line 4") == true)
  }

  @Test(
    "a line that is no string is named by number",
    arguments: ["a", "[1]", #""a" "b""#, #""a"#, #""\x""#, #""\ud83d""#, #""\ud83dA""#, "\"\u{7}\"", "null"])
  func badString(line: String) throws {
    let error = #expect(throws: TokenizerError.self) { try run([Array(#""a""#.utf8), Array(line.utf8)]) }
    #expect(error?.code == "tokenizer.line")
    #expect(error?.message.contains("line 2") == true)
  }

  @Test("a line that is no UTF-8 is named, not repaired")
  func invalidUTF8() throws {
    let error = #expect(throws: TokenizerError.self) { try run([[0x22, 0xFF, 0x22]]) }
    #expect(error?.message.contains("UTF-8") == true)
  }

  @Test(
    "a line that is no array of known ids is named by number",
    arguments: ["1", "[1.5]", #"["1"]"#, "[1", "[99999]", "[-1]", "[9223372036854775808]", "[4294967296]", "[1,]"])
  func badIDs(line: String) throws {
    let error = #expect(throws: TokenizerError.self) { try run([Array(line.utf8)], decode: true) }
    #expect(error?.message.contains("line 1") == true)
  }

  @Test("escapes of every kind are read")
  func escapes() throws {
    let line = #""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude42""#
    let tokenizer = try Fixture.tokenizer()
    let ids = try JSONDecoder().decode([Int32].self, from: Data(run([Array(line.utf8)])[0].utf8))
    #expect(ids == tokenizer.encode("\"\\/\u{8}\u{c}\n\r\té🙂"))
  }
}
