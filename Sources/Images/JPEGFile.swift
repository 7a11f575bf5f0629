internal import CTurboJPEG

/// JPEG through TurboJPEG, which returns a status where libjpeg would jump.
enum JPEGFile {
  static func decode(_ bytes: [UInt8], named name: String, limit: PixelLimit) throws(ImageError) -> RGBImage {
    guard let decoder = tjInitDecompress() else { throw .damaged(name, reason: "TurboJPEG does not start") }
    defer { tjDestroy(decoder) }
    var (width, height, subsampling, colourSpace): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
    guard
      tjDecompressHeader3(
        decoder, bytes, UInt(bytes.count), &width, &height, &subsampling, &colourSpace) == 0
    else { throw .damaged(name, reason: message(of: decoder)) }
    try limit.check(width: Int(width), height: Int(height), named: name)

    let isPrint = colourSpace == TJCS_CMYK.rawValue || colourSpace == TJCS_YCCK.rawValue
    let format = isPrint ? TJPF_CMYK : TJPF_RGB
    var samples = [UInt8](repeating: 0, count: Int(width) * Int(height) * (isPrint ? 4 : 3))
    // A warning is missing or impossible data, which would come back as grey; a file of endless scans is a bomb of time.
    let flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
    guard tjDecompress2(decoder, bytes, UInt(bytes.count), &samples, width, 0, height, Int32(format.rawValue), flags) == 0
    else { throw .damaged(name, reason: message(of: decoder)) }
    return RGBImage(
      width: Int(width), height: Int(height), pixels: isPrint ? redGreenBlue(ofInvertedCMYK: samples) : samples
    ).upright(from: Orientation(jpeg: bytes))
  }

  /// Files of print colours store each ink inverted, after Adobe; Pillow takes every such file so.
  private static func redGreenBlue(ofInvertedCMYK samples: [UInt8]) -> [UInt8] {
    let count = samples.count / 4
    return [UInt8](unsafeUninitializedCapacity: count * 3) { pixels, initialized in
      for index in 0..<count {
        let paper = Int(samples[index * 4 + 3])
        for channel in 0..<3 {
          pixels[index * 3 + channel] = UInt8((Int(samples[index * 4 + channel]) * paper + 127) / 255)
        }
      }
      initialized = count * 3
    }
  }

  private static func message(of decoder: tjhandle) -> String {
    let text = tjGetErrorStr2(decoder).map { String(cString: $0) } ?? ""
    return text.isEmpty ? "it does not decode" : text
  }
}
