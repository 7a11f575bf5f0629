/// A picture of 8-bit red, green and blue, without alpha and without a colour profile.
package struct RGBImage: Sendable, Equatable {
  /// In pixels, at least 1.
  package let width: Int
  /// In pixels, at least 1.
  package let height: Int
  /// [height, width, 3], row-major, 0..255.
  package let pixels: [UInt8]

  /// - Precondition: both sides are at least 1 and `pixels` holds `height * width * 3` values.
  package init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "an image of \(width) x \(height) pixels")
    precondition(pixels.count == width * height * 3, "\(pixels.count) values for \(width) x \(height) RGB pixels")
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
