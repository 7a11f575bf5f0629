import Foundation
import Testing

@testable import DataSets

@Suite("JSON")
struct JSONTests {
  @Test("reads every kind of value", arguments: [
    ("null", .null), ("true", .bool(true)), (" [ ] ", .array([])), ("{}", .object([])), ("-0", .integer(0)),
    ("12", .integer(12)), ("1.5e2", .number(150)), ("9223372036854775808", .number(9223372036854775808)),
    (#""a\"\\\/\n\t\r\b\f\u00e9\ud83d\ude00 é""#, .string("a\"\\/\n\t\r\u{8}\u{C}é😀 é")),
    (#"{"a":[1,{"b":null}]}"#, .object([.init("a", .array([.integer(1), .object([.init("b", .null)])]))])),
  ] as [(String, JSONValue)])
  func reads(text: String, value: JSONValue) throws {
    #expect(try JSONParser.parse(text) == value)
  }

  @Test("refuses what is not JSON", arguments: [
    "", " ", "nul", "tru", "01", "-", "1.", "1e", ".5", "+1", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}",
    "\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\ud800\"", "\"\\udc00\"", "\"\n\"", "1 2", "NaN", "Infinity", "1e999", "'a'",
    "[", "{", "[[", "nullx",
  ])
  func refuses(text: String) {
    #expect(throws: JSONError.self) { try JSONParser.parse(text) }
  }

  @Test("bounds nesting and refuses strings that are not UTF-8")
  func bounds() throws {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONError(offset: 64, reason: "it is nested more than 64 deep")) { try JSONParser.parse(deep) }
    #expect(throws: JSONError.self) { try JSONParser.parse([0x22, 0xFF, 0x22][...]) }
  }

  @Test("what is written reads back the same, each number in its shortest form")
  func roundTrip() throws {
    let value = JSONValue.object([
      .init("text", .string("line\nquote\" back\\ \u{1} é 😀 \u{2028}")), .init("numbers", .array([.number(0.1), .number(1e-7), .integer(-3)])),
      .init("none", .null), .init("flag", .bool(false)),
    ])
    #expect(try JSONParser.parse(value.serialized) == value)
    #expect(JSONValue.number(0.1).serialized == "0.1" && JSONValue.number(.nan).serialized == "null")
  }

  @Test("agrees with Foundation on seeded damage to a valid document")
  func agreesWithFoundation() throws {
    var random = SeededRandom(state: 5)
    let valid = Array(#"{"a":[1,2.5e-3,"x\u00e9\n",null,true],"b":{"c":""},"d":-0.25}"#.utf8)
    for _ in 0..<4000 {
      var bytes = valid
      for _ in 0..<Int.random(in: 1...2, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(ascii: Unicode.Scalar("{}[]\",:0123456789eE+-.\\ntfu a".utf8.randomElement(using: &random)!))
      }
      let mine = (try? JSONParser.parse(bytes[...])) != nil
      let theirs = (try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)) != nil
      let text = String(decoding: bytes, as: UTF8.self)
      if text.contains(",}") { continue }  // Foundation lets a comma end an object; RFC 8259 does not
      #expect(mine == theirs, "\(text)")
    }
  }
}

/// SplitMix64, so that a failing case can be run again.
struct SeededRandom: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
