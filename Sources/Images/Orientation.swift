/// How a picture lies in its file: the `Orientation` that cameras write into EXIF, 1 to 8.
///
/// `load_image` of `transformers` turns pictures upright by it, as viewers do, and so does this. What is no valid EXIF says
/// nothing: the picture stays as it lies.
enum Orientation: Int {
  case upright = 1
  case mirrored, turned180, flipped, transposed, turned90, transversed, turned270

  /// - Parameter exif: a TIFF header with its first directory, as in a PNG's eXIf chunk and after `Exif\0\0` in a JPEG.
  init(exif: ArraySlice<UInt8>) {
    self = Self.tag(exif).flatMap(Orientation.init(rawValue:)) ?? .upright
  }

  /// What a JPEG's first EXIF segment says.
  init(jpeg bytes: [UInt8]) {
    var offset = 2
    while offset + 4 <= bytes.count, bytes[offset] == 0xFF {
      let marker = bytes[offset + 1]
      if marker == 0xFF {  // fill
        offset += 1
        continue
      }
      let length = Int(bytes[offset + 2]) << 8 | Int(bytes[offset + 3])
      // The picture begins, or a marker without a length.
      guard marker != 0xDA, !(0xD0...0xD9).contains(marker), marker != 1, length >= 2, offset + 2 + length <= bytes.count
      else { break }
      let body = bytes[offset + 4..<offset + 2 + length]
      if marker == 0xE1, body.starts(with: Array("Exif\0\0".utf8)) {
        self.init(exif: body.dropFirst(6))
        return
      }
      offset += 2 + length
    }
    self = .upright
  }

  /// The value of tag 0x0112, a number of 16 bits, in the first directory.
  private static func tag(_ exif: ArraySlice<UInt8>) -> Int? {
    let isBigEndian = exif.starts(with: Array("MM\0*".utf8))
    guard isBigEndian || exif.starts(with: Array("II*\0".utf8)) else { return nil }
    func number(at place: Int, bytes count: Int) -> Int? {
      guard place >= 0, place <= exif.count - count else { return nil }
      let bytes = exif[exif.startIndex + place..<exif.startIndex + place + count]
      return (isBigEndian ? Array(bytes) : bytes.reversed()).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let count = number(at: directory, bytes: 2) else { return nil }
    for entry in 0..<count {
      let place = directory + 2 + 12 * entry
      guard let name = number(at: place, bytes: 2) else { return nil }
      guard name == 0x0112 else { continue }
      return number(at: place + 2, bytes: 2) == 3 ? number(at: place + 8, bytes: 2) : nil
    }
    return nil
  }
}

extension RGBImage {
  /// The picture as it is to be seen.
  func upright(from orientation: Orientation) -> RGBImage {
    guard orientation != .upright else { return self }
    let isSideways = orientation.rawValue >= Orientation.transposed.rawValue
    let (newWidth, newHeight) = isSideways ? (height, width) : (width, height)
    let (right, bottom) = (width - 1, height - 1)
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { output, count in
      pixels.withUnsafeBufferPointer { pixels in
        for row in 0..<newHeight {
          for column in 0..<newWidth {
            let (x, y) =
              switch orientation {
              case .upright: (column, row)
              case .mirrored: (right - column, row)
              case .turned180: (right - column, bottom - row)
              case .flipped: (column, bottom - row)
              case .transposed: (row, column)
              case .turned90: (row, bottom - column)
              case .transversed: (right - row, bottom - column)
              case .turned270: (right - row, column)
              }
            let pixel = (y * width + x) * 3
            for channel in 0..<3 { output[count + channel] = pixels[pixel + channel] }
            count += 3
          }
        }
      }
    }
    return RGBImage(width: newWidth, height: newHeight, pixels: turned)
  }
}
