internal import Images

extension FuzzTarget {
  static let images: [FuzzTarget] = [
    FuzzTarget("png", maximumLength: 1024, dictionary: "png") { picture($0) || picture(withChecksums($0)) },
    FuzzTarget("jpeg", maximumLength: 2048, dictionary: "jpeg", run: picture),
  ]

  /// Small, so that what is tried is how files are read, not how fast.
  private static let limit = PixelLimit(pixels: 1 << 12, side: 1 << 9)

  @Sendable
  private static func picture(_ bytes: [UInt8]) -> Bool {
    guard let image = try? ImageFile.decode(bytes, named: "fuzzed", limit: limit) else { return false }
    require(
      image.width >= 1 && image.height >= 1 && image.width * image.height <= limit.pixels
        && image.pixels.count == image.width * image.height * 3, "\(image.width) x \(image.height): \(image.pixels.count) values")
    let again = try? ImageFile.decode(bytes, named: "fuzzed", limit: limit)
    require(again == image, "a picture is not the same twice")
    let written = try? ImageFile.decode(ImageFile.encodePNG(image), named: "written", limit: limit)
    require(written == image, "a picture is not the same after it is written")
    return true
  }

  /// A PNG file with each chunk's checksum put right: few that are changed get further than that otherwise.
  private static func withChecksums(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var offset = 8
    while file.count - offset >= 12 {
      let length = file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= file.count - offset - 12 else { break }
      let end = offset + 8 + length
      let checksum = ~file[offset + 4..<end].reduce(UInt32.max) { checksums[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
      for place in 0..<4 { file[end + place] = UInt8(truncatingIfNeeded: checksum >> UInt32(24 - 8 * place)) }
      offset = end + 4
    }
    return file
  }

  /// [256]: what a byte does to a checksum (PNG, annex D).
  private static let checksums: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
  }
}
