/// A SHA-256 digest, 32 bytes; written as 64 lower-case hexadecimal digits.
package struct SHA256Digest: Sendable, Hashable, CustomStringConvertible {
  package static let byteCount = 32

  package let bytes: [UInt8]

  /// - Returns: nil unless `bytes` holds exactly 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }

  /// - Returns: nil unless `hex` is 64 hexadecimal digits.
  package init?(hex: some StringProtocol) {
    let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count == 2 * Self.byteCount, hex.utf8.count == digits.count else { return nil }
    bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  package init(of data: [UInt8]) {
    self = data.withUnsafeBytes { Self(of: $0) }
  }

  package init(of data: UnsafeRawBufferPointer) {
    var hasher = SHA256Hasher()
    hasher.update(data)
    self = hasher.finish()
  }

  init(unchecked bytes: [UInt8]) {
    self.bytes = bytes
  }

  package var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
