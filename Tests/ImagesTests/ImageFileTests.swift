import DurableFiles
import Foundation
import Images
import Testing

@Suite("decoding and encoding pictures")
struct ImageFileTests {
  static let exact = [
    "rgb.png", "gray.png", "gray-alpha.png", "rgba.png", "bilevel.png", "palette.png", "palette-alpha.png",
    "gray-transparent.png", "rgb-gamma.png", "rgb-interlaced.png", "rgb.jpg", "progressive.jpg", "subsampled.jpg",
    "gray.jpg", "cmyk.jpg",
  ]

  @Test("every kind of PNG and JPEG decodes to what Pillow makes of it", arguments: exact)
  func equalsPillow(file: String) throws {
    #expect(try Fixture.decode(file) == Fixture.expected(file))
  }

  @Test("16 bits a channel are rounded to 8, where Pillow cuts them off")
  func sixteenBits() throws {
    let (ours, theirs) = (try Fixture.decode("rgb16.png"), try Fixture.expected("rgb16.png"))
    for (our, their) in zip(ours.pixels, theirs.pixels) { #expect(abs(Int(our) - Int(their)) <= 1) }
  }

  @Test("a picture survives encoding and decoding", arguments: [(1, 1), (1, 300), (300, 1), (112, 28), (33, 17)])
  func roundTrip(width: Int, height: Int) throws {
    let image = RGBImage(
      width: width, height: height, pixels: (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * $0 * 31 >> 3) })
    let bytes = ImageFile.encodePNG(image)
    #expect(try ImageFile.decode(bytes, named: "round.png") == image)
    #expect(ImageFile.encodePNG(image) == bytes)
  }

  @Test("noise, which does not compress, still fits when encoded")
  func noise() throws {
    var generator = SystemRandomNumberGenerator()
    let image = RGBImage(width: 257, height: 63, pixels: (0..<257 * 63 * 3).map { _ in .random(in: 0...255, using: &generator) })
    #expect(try ImageFile.decode(ImageFile.encodePNG(image), named: "noise.png") == image)
  }
}

enum Fixture {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path

  static func bytes(_ file: String) throws -> [UInt8] {
    try DurableFiles.read("\(folder)/\(file)")
  }

  static func decode(_ file: String) throws -> RGBImage {
    try ImageFile.decode(bytes(file), named: file)
  }

  /// What `make_images.py` wrote beside `file`: width, height, then Pillow's RGB.
  static func expected(_ file: String) throws -> RGBImage {
    let bytes = try bytes("\(file).rgb")
    return RGBImage(width: Int(bytes[0]), height: Int(bytes[4]), pixels: Array(bytes[8...]))
  }
}
