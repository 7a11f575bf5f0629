internal import Images

extension FuzzTarget {
  static let images: [FuzzTarget] = [
    FuzzTarget("png", maximumLength: 1024, dictionary: "png", run: picture),
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
}
