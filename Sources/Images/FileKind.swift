/// What a file is, judged by its first bytes alone.
enum FileKind: Equatable {
  case png
  case jpeg
  /// Neither; what it looks like, with its article, for a message.
  case other(String)

  init(of bytes: [UInt8]) {
    if bytes.starts(with: PNGFile.signature) {
      self = .png
    } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else {
      self = .other(Self.guess(bytes))
    }
  }

  private static func guess(_ bytes: [UInt8]) -> String {
    guard !bytes.isEmpty else { return "an empty file" }
    let head = bytes.prefix(64)
    func begins(_ text: String, at offset: Int = 0) -> Bool { head.dropFirst(offset).starts(with: text.utf8) }
    if begins("GIF8") { return "a GIF image" }
    if begins("RIFF"), begins("WEBP", at: 8) { return "a WebP image" }
    if begins("BM") { return "a BMP image" }
    if begins("II*\0") || begins("MM\0*") { return "a TIFF image" }
    if begins("ftyp", at: 4) { return "a HEIF, AVIF or MP4 file" }
    if begins("%PDF") { return "a PDF document" }
    if begins("PK\u{3}\u{4}") { return "a ZIP archive" }
    if head.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
    if begins("version https://git-lfs") { return "a Git LFS pointer (the picture itself was not fetched)" }
    if PNGFile.signature.starts(with: bytes) { return "the first bytes of a PNG" }
    let text = head.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
    if text.starts(with: "<svg".utf8) { return "an SVG drawing" }
    if text.first == UInt8(ascii: "<") { return "a web page or XML text" }
    if text.first == UInt8(ascii: "{") || text.first == UInt8(ascii: "[") { return "JSON text" }
    let isText = head.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || (0x09...0x0D).contains($0) }
    return isText ? "text" : "data of an unknown kind"
  }
}
