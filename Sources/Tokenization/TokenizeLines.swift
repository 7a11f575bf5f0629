/// Tokens of JSON lines: a string a line in, an array of ids a line out, or the other way.
package enum TokenizeLines {
  /// - Parameters:
  ///   - folder: of the model; its `tokenizer.json` is used.
  ///   - decode: ids in, strings out; special tokens are written out, so that encoding gives the ids back.
  ///   - lines: without their ends, UTF-8. Blank ones count, but give nothing.
  ///   - output: receives each line to print, as soon as it is known.
  /// - Throws: `FileError`, `TokenizerError` (with the number of the line, from 1), or what `output` throws.
  package static func run(
    model folder: String, decode: Bool, lines: some Sequence<[UInt8]>, output: (String) throws -> Void
  ) throws {
    let tokenizer = try Tokenizer(tokenizerJSON: folder + "/tokenizer.json")
    for (index, line) in lines.enumerated() {
      let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      if isBlank { continue }
      do {
        try output(decode ? decoded(line, by: tokenizer) : encoded(line, by: tokenizer))
      } catch let failure as JSONFailure {
        throw TokenizerError(
          "line", "line \(index + 1): \(failure.expected) expected at byte \(failure.offset)",
          advice: decode
            ? "give one JSON array of token ids a line, such as [9707, 11]" : #"give one JSON string a line, such as "Hi""#)
      } catch let error as TokenizerError {
        throw TokenizerError("line", "line \(index + 1): \(error.message)", advice: error.advice)
      }
    }
  }

  private static func encoded(_ line: [UInt8], by tokenizer: Tokenizer) throws -> String {
    var reader = try JSONReader(line)
    let text = String(decoding: try reader.string(), as: UTF8.self)
    try reader.end()
    return "[" + tokenizer.encode(text).map(String.init).joined(separator: ", ") + "]"
  }

  private static func decoded(_ line: [UInt8], by tokenizer: Tokenizer) throws -> String {
    var reader = try JSONReader(line)
    var ids: [Int32] = []
    try reader.array { reader in
      guard let id = Int32(exactly: try reader.integer()) else { throw reader.failure("a token id") }
      ids.append(id)
    }
    try reader.end()
    return JSONText.quoted(try tokenizer.decode(ids, skippingSpecial: false))
  }
}
