internal import CPNG

/// PNG through libpng's simplified interface, which catches libpng's own long jumps before they reach Swift.
enum PNGFile {
  static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

  static func decode(_ bytes: [UInt8], named name: String, limit: PixelLimit) throws(ImageError) -> RGBImage {
    let chunks = try PNGChunks(bytes, named: name)
    try limit.check(width: chunks.width, height: chunks.height, named: name)
    let source = chunks.essential(of: bytes)
    let channels = chunks.hasAlpha ? 4 : 3

    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    var samples = [UInt8](repeating: 0, count: chunks.width * chunks.height * channels)
    let isDecoded = source.withUnsafeBytes { source in
      guard png_image_begin_read_from_memory(&image, source.baseAddress, source.count) != 0 else { return false }
      // Samples of 16 bits are scaled to 8 as they are, not taken for linear light.
      image.flags |= png_uint_32(PNG_IMAGE_FLAG_16BIT_sRGB)
      image.format = PNG_FORMAT_FLAG_COLOR | (chunks.hasAlpha ? PNG_FORMAT_FLAG_ALPHA : 0)
      return samples.withUnsafeMutableBytes { png_image_finish_read(&image, nil, $0.baseAddress, 0, nil) } != 0
    }
    guard isDecoded else { throw .damaged(name, reason: message(of: image)) }
    return RGBImage(
      width: chunks.width, height: chunks.height, pixels: chunks.hasAlpha ? withoutAlpha(samples) : samples
    ).upright(from: chunks.orientation)
  }

  static func encode(_ image: RGBImage) -> [UInt8] {
    var description = png_image()
    description.version = png_uint_32(PNG_IMAGE_VERSION)
    description.width = png_uint_32(image.width)
    description.height = png_uint_32(image.height)
    description.format = PNG_FORMAT_FLAG_COLOR
    description.flags = png_uint_32(PNG_IMAGE_FLAG_FAST)
    defer { png_image_free(&description) }

    // What incompressible rows, each with its filter byte, grow to in zlib and chunk headers.
    let raw = image.pixels.count + image.height
    var bytes = [UInt8](repeating: 0, count: raw + raw / 8 + raw / 64 + 1024)
    var count = bytes.count
    let isWritten = bytes.withUnsafeMutableBytes {
      png_image_write_to_memory(&description, $0.baseAddress, &count, 0, image.pixels, 0, nil)
    }
    precondition(isWritten != 0, "libpng cannot write a \(image.width) x \(image.height) PNG: \(message(of: description))")
    bytes.removeLast(bytes.count - count)
    return bytes
  }

  private static func withoutAlpha(_ samples: [UInt8]) -> [UInt8] {
    let count = samples.count / 4
    return [UInt8](unsafeUninitializedCapacity: count * 3) { pixels, initialized in
      for index in 0..<count {
        for channel in 0..<3 { pixels[index * 3 + channel] = samples[index * 4 + channel] }
      }
      initialized = count * 3
    }
  }

  private static func message(of image: png_image) -> String {
    let text = withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return text.isEmpty ? "it does not decode" : text
  }
}
