/// Decodes tokens as they are generated, never handing out half a character.
///
/// All pieces together are what `Tokenizer.decode` gives for all ids.
package struct StreamingDecoder: Sendable {
  private let tokenizer: Tokenizer
  private let skippingSpecial: Bool
  /// The beginning of a character, at most three bytes.
  private var pending: [UInt8] = []

  package init(_ tokenizer: Tokenizer, skippingSpecial: Bool) {
    self.tokenizer = tokenizer
    self.skippingSpecial = skippingSpecial
  }

  /// - Returns: the characters that this token completes; often none, sometimes several.
  package mutating func append(_ id: Int32) throws(TokenizerError) -> String {
    try tokenizer.append(id, to: &pending, skippingSpecial: skippingSpecial)
    let complete = pending.count - Self.unfinishedCount(pending)
    defer { pending.removeFirst(complete) }
    return String(decoding: pending[..<complete], as: UTF8.self)
  }

  /// - Returns: U+FFFD if the last character was never completed, else nothing.
  package mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end could still become a character.
  private static func unfinishedCount(_ bytes: [UInt8]) -> Int {
    for count in 1...3 where count <= bytes.count {
      let first = bytes[bytes.count - count]
      if first & 0xC0 == 0x80 { continue }
      let length =
        switch first {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        default: 1
        }
      guard count < length else { return 0 }
      // The second byte of some characters has a narrower range than the others (no overlong form, no surrogate).
      if count > 1 {
        let second = bytes[bytes.count - count + 1]
        let range: ClosedRange<UInt8> =
          switch first {
          case 0xE0: 0xA0...0xBF
          case 0xED: 0x80...0x9F
          case 0xF0: 0x90...0xBF
          case 0xF4: 0x80...0x8F
          default: 0x80...0xBF
          }
        guard range.contains(second) else { return 0 }
      }
      return count
    }
    return 0
  }
}
