/// The chunks of a PNG file, with their bounds checked, and what its header says.
///
/// Only the chunks that hold the picture itself reach libpng. Ancillary ones (profiles, texts, gamma, animation) change
/// no pixel here, and compressed ones among them can unpack to far more than the picture. Of EXIF, how the picture lies is
/// read.
struct PNGChunks {
  let width: Int
  let height: Int
  /// Whether the colour type carries alpha; transparency given for one colour or by palette entry is dropped unread.
  let hasAlpha: Bool
  let orientation: Orientation
  /// Where the chunks that must be understood lie in the file, from IHDR to IEND, in order.
  private let essentials: [Range<Int>]

  init(_ bytes: [UInt8], named name: String) throws(ImageError) {
    func number(at offset: Int) -> Int {
      bytes[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    var essentials: [Range<Int>] = []
    var offset = PNGFile.signature.count
    var orientation: Orientation?
    var header: (width: Int, height: Int, colourType: UInt8)?
    while true {
      guard bytes.count - offset >= 12 else { throw .damaged(name, reason: Self.cutShort(bytes)) }
      let length = number(at: offset)
      guard length <= bytes.count - offset - 12 else { throw .damaged(name, reason: Self.cutShort(bytes)) }
      let kind = bytes[offset + 4..<offset + 8]
      if header == nil {
        guard kind.elementsEqual("IHDR".utf8), length == 13 else { throw .damaged(name, reason: "it has no header") }
        header = (number(at: offset + 8), number(at: offset + 12), bytes[offset + 17])
      }
      let chunk = offset..<offset + 12 + length
      let isCritical = kind[kind.startIndex] & 0x20 == 0
      if isCritical { essentials.append(chunk) }
      // libpng checks what it sees. Of the rest a chunk that is EXIF, or was, may turn the picture.
      if !isCritical, length <= Self.longestEXIF {
        guard Self.checksum(bytes[offset + 4..<offset + 8 + length]) == number(at: offset + 8 + length) else {
          throw .damaged(name, reason: "the checksum of its chunk at byte \(offset) is wrong")
        }
        if orientation == nil, kind.elementsEqual("eXIf".utf8) {
          orientation = Orientation(exif: bytes[offset + 8..<offset + 8 + length])
        }
      }
      offset = chunk.upperBound
      if kind.elementsEqual("IEND".utf8) { break }
    }
    guard let header else { throw .damaged(name, reason: "it has no header") }
    (width, height) = (header.width, header.height)
    hasAlpha = header.colourType & 4 != 0
    self.orientation = orientation ?? .upright
    self.essentials = essentials
  }

  /// As long as a JPEG could hold it, and more than any camera writes, bytes.
  private static let longestEXIF = 1 << 16

  /// CRC-32 of a chunk's kind and body.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> Int {
    Int(~bytes.reduce(~0 as UInt32) { $0 >> 8 ^ remainders[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] })
  }

  private static let remainders = (0..<256 as Range<UInt32>).map { byte in
    (0..<8).reduce(byte) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
  }

  /// A PNG file of only the chunks that make the picture.
  func essential(of bytes: [UInt8]) -> [UInt8] {
    var kept = PNGFile.signature
    kept.reserveCapacity(bytes.count)
    for chunk in essentials { kept += bytes[chunk] }
    return kept
  }

  private static func cutShort(_ bytes: [UInt8]) -> String {
    "it ends in the middle, after \(bytes.count) bytes"
  }
}
