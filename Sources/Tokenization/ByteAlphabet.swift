/// The printable character that stands for each byte in a byte-level vocabulary (GPT-2's).
///
/// Bytes that print as one character of Latin-1 stand for themselves; the other 68 follow from U+0100 on.
enum ByteAlphabet {
  /// [256], by byte.
  static let scalars: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (UInt8.min...UInt8.max).map { byte in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
      default:
        defer { next += 1 }
        return Unicode.Scalar(next) ?? "\u{FFFD}"
      }
    }
  }()

  /// The bytes in the order of their characters, which is the order vocabularies number them in.
  static let bytesByScalar: [UInt8] = (UInt8.min...UInt8.max).sorted { scalars[Int($0)] < scalars[Int($1)] }

  /// [324]: the byte a character below U+0144 stands for, or -1.
  private static let byteOfScalar: [Int16] = {
    var table = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { table[Int(scalar.value)] = Int16(byte) }
    return table
  }()

  /// - Returns: the token's text, as a vocabulary spells it.
  static func spelling(of bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { UTF8.encode(scalars[Int($0)]).map(Array.init) ?? [] }
  }

  /// - Parameter spelling: UTF-8.
  /// - Returns: the bytes that a spelt token stands for; where one of its characters stands for no byte, the spelling
  ///   itself, as the `tokenizers` library has it.
  static func bytes(of spelling: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(spelling.count)
    var index = 0
    while index < spelling.count {
      let first = spelling[index]
      let value: Int
      switch first {
      case ..<0x80:
        value = Int(first)
        index += 1
      case 0xC2...0xC5 where index + 1 < spelling.count:
        value = Int(first & 0x1F) << 6 | Int(spelling[index + 1] & 0x3F)
        index += 2
      default: return spelling
      }
      guard value < byteOfScalar.count, byteOfScalar[value] >= 0 else { return spelling }
      bytes.append(UInt8(byteOfScalar[value]))
    }
    return bytes
  }
}
