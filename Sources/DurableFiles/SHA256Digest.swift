/// A SHA-256 digest, 32 bytes; written as 64 lower-case hexadecimal digits.
package struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
  package static let byteCount = 32

  /// In place, because digests are copied and compared with every message.
  private let words: InlineArray<4, UInt64>

  /// - Returns: nil unless `bytes` holds exactly 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    words = InlineArray { word in bytes[8 * word..<8 * word + 8].reduce(0) { $0 << 8 | UInt64($1) } }
  }

  /// - Returns: nil unless `hex` is 64 hexadecimal digits.
  package init?(hex: some StringProtocol) {
    let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count == 2 * Self.byteCount, hex.utf8.count == digits.count else { return nil }
    self.init(bytes: stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) })
  }

  package init(of data: [UInt8]) {
    self = data.withUnsafeBytes { Self(of: $0) }
  }

  package init(of data: UnsafeRawBufferPointer) {
    self = SHA256Hasher.digest(of: data)
  }

  init(words: InlineArray<4, UInt64>) {
    self.words = words
  }

  package var bytes: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
      for index in 0..<Self.byteCount { buffer[index] = byte(index) }
      count = Self.byteCount
    }
  }

  private func byte(_ index: Int) -> UInt8 { UInt8(truncatingIfNeeded: words[index / 8] >> UInt64(56 - 8 * (index % 8))) }

  package static func == (left: Self, right: Self) -> Bool {
    left.words[0] == right.words[0] && left.words[1] == right.words[1] && left.words[2] == right.words[2]
      && left.words[3] == right.words[3]
  }

  package func hash(into hasher: inout Hasher) {
    // The digest is a hash already.
    hasher.combine(words[0])
  }

  package var description: String {
    String(unsafeUninitializedCapacity: 2 * Self.byteCount) { buffer in
      for index in 0..<Self.byteCount {
        let byte = byte(index)
        buffer[2 * index] = Self.digit(byte >> 4)
        buffer[2 * index + 1] = Self.digit(byte & 15)
      }
      return 2 * Self.byteCount
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}
