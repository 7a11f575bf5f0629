import DurableFiles
import Foundation
@testable import Images
import Testing

@Suite("decoding and encoding pictures")
struct ImageFileTests {
  static let exact = [
    "rgb.png", "gray.png", "gray-alpha.png", "rgba.png", "bilevel.png", "palette.png", "palette-alpha.png",
    "gray-transparent.png", "rgb-gamma.png", "rgb-interlaced.png", "rgb.jpg", "progressive.jpg", "subsampled.jpg",
    "gray.jpg", "cmyk.jpg", "gray2.png", "gray4.png", "palette1.png", "palette2.png", "rgb-transparent.png",
    "subsampled-across.jpg", "restarts.jpg", "ycck.jpg",
  ]

  @Test("every kind of PNG and JPEG decodes to what Pillow makes of it", arguments: exact)
  func equalsPillow(file: String) throws {
    #expect(try Fixture.decode(file) == Fixture.expected(file))
  }

  @Test("a picture is turned upright as EXIF says, by either byte order", arguments: 1...8, ["jpg", "png"])
  func upright(orientation: Int, kind: String) throws {
    let image = try Fixture.decode("exif-\(orientation).\(kind)")
    #expect(try image == Fixture.expected("exif-\(orientation).\(kind)"))
    #expect((image.width, image.height) == (orientation < 5 ? (11, 7) : (7, 11)))
  }

  @Test("16 bits a channel are rounded to 8, where Pillow cuts them off", arguments: ["rgb16.png", "rgba16.png", "gray-alpha16.png"])
  func sixteenBits(file: String) throws {
    let (ours, theirs) = (try Fixture.decode(file), try Fixture.expected(file))
    for (our, their) in zip(ours.pixels, theirs.pixels) { #expect(abs(Int(our) - Int(their)) <= 1) }
  }

  @Test("16 bits of grey are scaled to 8, where Pillow makes white of nearly all")
  func deepGrey() throws {
    let image = try Fixture.decode("gray16.png")
    for place in 0..<7 * 11 {
      let expected = Int((Double(place * 850) / 257).rounded())
      for channel in 0..<3 { #expect(abs(Int(image.pixels[place * 3 + channel]) - expected) <= 1) }
    }
  }

  @Test(
    "EXIF that is damaged, or says nothing of 1 to 8, leaves a picture as it lies",
    arguments: [
      [], [0x49], Array("II*\0".utf8), Array("MM\0*\0\0\0\u{8}".utf8), Array("II*\0\u{FF}".utf8) + [0xFF, 0xFF, 0x7F],
      exif(tag: 0x0112, kind: 3, value: 0), exif(tag: 0x0112, kind: 3, value: 9), exif(tag: 0x0112, kind: 4, value: 6),
      exif(tag: 0x0113, kind: 3, value: 6), Array(exif(tag: 0x0112, kind: 3, value: 6).prefix(19)),
    ] as [[UInt8]])
  func strangeEXIF(bytes: [UInt8]) { #expect(Orientation(exif: bytes[...]) == .upright) }

  @Test("EXIF is read wherever it lies in memory")
  func slicedEXIF() {
    let bytes = Self.exif(tag: 0x0112, kind: 3, value: 6)
    #expect(Orientation(exif: ([1, 2, 3] + bytes)[3...]) == .turned90)
  }

  /// A directory of one entry.
  static func exif(tag: Int, kind: UInt8, value: UInt8) -> [UInt8] {
    Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0, UInt8(tag & 255), UInt8(tag >> 8), kind, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0]
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
