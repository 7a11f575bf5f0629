import Testing
import Tokenization

@Suite("Streaming decode")
struct StreamingTests {
  @Test("pieces together are the whole, and no piece ends within a character")
  func property() throws {
    let tokenizer = try Fixture.tokenizer()
    var sequences = try Fixture.read("decodings.json", as: [Fixture.Decoding].self).map(\.ids)
    sequences += try Fixture.read("encodings.json", as: [Fixture.Encoding].self).map(\.ids)
    for ids in sequences {
      for skipping in [true, false] {
        var stream = StreamingDecoder(tokenizer, skippingSpecial: skipping)
        var pieces = try ids.map { id in try stream.append(id) }
        pieces.append(stream.finish())
        let whole = try tokenizer.decode(ids, skippingSpecial: skipping)
        #expect(pieces.flatMap(scalars) == scalars(whole), "\(ids)")
      }
    }
  }

  @Test("a character cut over tokens comes out with its last byte", arguments: ["é", "柱", "🙂"])
  func character(text: String) throws {
    let tokenizer = try Fixture.tokenizer()
    let bytes = Array(text.utf8)
    let ids = try bytes.map { byte in try #require(tokenizer.id(of: String(decoding: spelling(byte), as: UTF8.self))) }
    var stream = StreamingDecoder(tokenizer, skippingSpecial: false)
    for (index, id) in ids.enumerated() {
      #expect(try stream.append(id) == (index == bytes.count - 1 ? text : ""))
    }
    #expect(stream.finish() == "")
  }

  @Test("a character never completed is replaced at the end, or by what follows")
  func unfinished() throws {
    let tokenizer = try Fixture.tokenizer()
    let first = try #require(tokenizer.id(of: String(decoding: spelling(0xF0), as: UTF8.self)))
    let letter = try #require(tokenizer.id(of: "a"))
    var stream = StreamingDecoder(tokenizer, skippingSpecial: false)
    #expect(try stream.append(first) == "")
    #expect(try stream.append(letter) == "\u{FFFD}a")
    #expect(try stream.append(first) == "")
    #expect(stream.finish() == "\u{FFFD}")
    #expect(stream.finish() == "")
  }

  /// GPT-2's character for a byte of a letter beyond ASCII.
  private func spelling(_ byte: UInt8) -> [UInt8] {
    let value: UInt32
    switch byte {
    case 0xA1...0xAC, 0xAE...0xFF: value = UInt32(byte)
    case 0x7F...0xA0: value = 0x121 + UInt32(byte) - 0x7F
    default: value = 0x143
    }
    return Unicode.Scalar(value).map { Array(String(Character($0)).utf8) } ?? []
  }
}
