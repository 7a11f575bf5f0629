/// Pictures as files: PNG and JPEG in, PNG out.
package enum ImageFile {
  /// Decodes a PNG or JPEG, whichever its first bytes announce, whatever its name ends with.
  ///
  /// Colours are what Pillow's `convert("RGB")` gives, on which the processors of `transformers` build: alpha is dropped
  /// without blending, grey and palette are spread to three channels, and gamma and colour profiles are ignored. A picture
  /// that EXIF says lies on its side is turned upright.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: how errors call it, usually its path.
  ///   - limit: largest size accepted, checked before decoding.
  package static func decode(
    _ bytes: [UInt8], named name: String, limit: PixelLimit = .default
  ) throws(ImageError) -> RGBImage {
    switch FileKind(of: bytes) {
    case .png: try PNGFile.decode(bytes, named: name, limit: limit)
    case .jpeg: try JPEGFile.decode(bytes, named: name, limit: limit)
    case .other(let kind): throw .notAnImage(name, kind: kind)
    }
  }

  /// Encodes as an 8-bit RGB PNG, losslessly; the same picture always gives the same bytes.
  package static func encodePNG(_ image: RGBImage) -> [UInt8] {
    PNGFile.encode(image)
  }
}
