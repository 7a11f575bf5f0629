/// What a ROUTER socket calls one connection, as text: hexadecimal.
struct RoutingID {
  let bytes: [UInt8]

  init(bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// - Returns: nil unless `connection` came from `connection` of another.
  init?(connection: String) {
    let digits = connection.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard !digits.isEmpty, digits.count == connection.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
    bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  var connection: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
