import Images
import Testing

@Suite("pictures that are damaged, hostile or no pictures")
struct HostileImageTests {
  static let pictures = [
    "rgb.png", "gray.png", "rgba.png", "bilevel.png", "palette.png", "rgb16.png", "rgb-interlaced.png",
    "rgb.jpg", "progressive.jpg", "gray.jpg", "cmyk.jpg", "exif-6.png", "exif-7.jpg", "ycck.jpg",
  ]

  @Test("cut off after any byte, a file is refused by name", arguments: pictures)
  func truncated(file: String) throws {
    let bytes = try Fixture.bytes(file)
    for count in 0..<bytes.count {
      // A JPEG that lacks only its end mark has all of its picture.
      if file.hasSuffix("jpg"), count >= bytes.count - 2 { continue }
      #expect("\(file) cut to \(count)") {
        _ = try ImageFile.decode(Array(bytes[..<count]), named: "cut.file")
      } throws: { error in
        (error as? ImageError)?.message.hasPrefix("cut.file ") == true
      }
    }
  }

  @Test("any one flipped bit of a PNG is refused or changes nothing", arguments: pictures.filter { $0.hasSuffix("png") })
  func flippedPNG(file: String) throws {
    let bytes = try Fixture.bytes(file)
    let intact = try Fixture.decode(file)
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      if let image = try? ImageFile.decode(damaged, named: file) { #expect(image == intact, "bit \(bit)") }
    }
  }

  @Test("any one flipped bit of a JPEG is refused or decodes to a picture", arguments: pictures.filter { $0.hasSuffix("jpg") })
  func flippedJPEG(file: String) throws {
    let bytes = try Fixture.bytes(file)
    for bit in 0..<bytes.count * 8 {
      var damaged = bytes
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      do {
        let image = try ImageFile.decode(damaged, named: file, limit: PixelLimit(pixels: 1 << 16, side: 1 << 15))
        #expect(image.pixels.count == image.width * image.height * 3)
      } catch {
        #expect(error.message.contains(file))
      }
    }
  }

  @Test("a pixel bomb is refused from its header", arguments: ["rgb.png", "rgb.jpg"])
  func bomb(file: String) throws {
    var bytes = try Fixture.bytes(file)
    // Width and height: in IHDR at 16 and 20; in the SOF0 marker two bytes each, height first.
    if file.hasSuffix("png") {
      bytes.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
    } else {
      let frame = try #require(bytes.indices.dropLast().first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
      bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFD, 0xE8, 0xFD, 0xE8])
    }
    let error = #expect(throws: ImageError.self) { try ImageFile.decode(bytes, named: "bomb") }
    guard case .tooLarge("bomb", _, _, .default) = error else {
      Issue.record("refused for another reason: \(String(describing: error))")
      return
    }
  }

  @Test(
    "the limit counts pixels and sides",
    arguments: [(PixelLimit(pixels: 77, side: 11), true), (PixelLimit(pixels: 76, side: 11), false), (PixelLimit(pixels: 77, side: 10), false)])
  func limit(limit: PixelLimit, isAccepted: Bool) throws {
    let bytes = try Fixture.bytes("rgb.png")
    #expect(((try? ImageFile.decode(bytes, named: "rgb.png", limit: limit)) != nil) == isAccepted)
  }

  @Test("a header without pixels is damaged, not a crash", arguments: [16, 20])
  func noPixels(offset: Int) throws {
    var bytes = try Fixture.bytes("rgb.png")
    bytes.replaceSubrange(offset..<offset + 4, with: [0, 0, 0, 0])
    #expect(throws: ImageError.damaged("flat.png", reason: "it has \(offset == 16 ? "0 x 7" : "11 x 0") pixels")) {
      try ImageFile.decode(bytes, named: "flat.png")
    }
  }

  @Test(
    "a file of another kind is called by its name",
    arguments: [
      ("", "an empty file"), ("GIF89a....", "a GIF image"), ("<!DOCTYPE html><html>", "a web page or XML text"),
      ("  {\"a\": 1}", "JSON text"), ("version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
      ("%PDF-1.7", "a PDF document"), ("hello there", "text"), ("RIFF\u{1}\u{1}\u{1}\u{1}WEBPVP8 ", "a WebP image"),
      ("\u{1}\u{2}\u{3}", "data of an unknown kind"),
    ])
  func otherKinds(text: String, kind: String) {
    let error = #expect(throws: ImageError.self) { try ImageFile.decode(Array(text.utf8), named: "photo.png") }
    #expect(error?.code == "image.not-an-image")
    #expect(error?.message.hasPrefix("photo.png is not a PNG or JPEG image but \(kind)") == true)
  }

  @Test("what follows the end of a PNG is left alone")
  func trailing() throws {
    #expect(try ImageFile.decode(Fixture.bytes("rgb.png") + [1, 2, 3], named: "rgb.png") == Fixture.expected("rgb.png"))
  }
}
