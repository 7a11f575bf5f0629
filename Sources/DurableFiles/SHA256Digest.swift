/// A SHA-256 digest, 32 bytes; written as 64 lower-case hexadecimal digits.
package struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
  package static let byteCount = 32

  /// The bytes as they lie in memory: in place, because digests are copied and compared with every message.
  private let words: (UInt64, UInt64, UInt64, UInt64)

  /// - Returns: nil unless `bytes` holds exactly 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    words = bytes.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
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

  init(words: (UInt64, UInt64, UInt64, UInt64)) {
    self.words = words
  }

  package var bytes: [UInt8] { withUnsafeBytes(of: words) { [UInt8]($0) } }

  package static func == (left: Self, right: Self) -> Bool {
    left.words == right.words
  }

  package func hash(into hasher: inout Hasher) {
    // The digest is a hash already.
    hasher.combine(words.0)
  }

  package var description: String {
    withUnsafeBytes(of: words) { bytes in
      String(unsafeUninitializedCapacity: 2 * Self.byteCount) { buffer in
        for index in 0..<Self.byteCount {
          buffer[2 * index] = Self.digit(bytes[index] >> 4)
          buffer[2 * index + 1] = Self.digit(bytes[index] & 15)
        }
        return 2 * Self.byteCount
      }
    }
  }

  private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10 }
}
