internal import Limits

/// How large a picture may be. Checked against the file's header, before any memory is asked for, so that a small file
/// that unpacks to gigabytes (a pixel bomb) costs nothing.
package struct PixelLimit: Sendable, Equatable {
  /// Most pixels, width times height.
  package let pixels: Int
  /// Longest width or height, in pixels.
  package let side: Int

  package init(pixels: Int, side: Int) {
    self.pixels = pixels
    self.side = side
  }

  package static let `default` = PixelLimit(pixels: Limits.standard.images.pixels, side: Limits.standard.images.side)

  /// Refuses a picture of `width` x `height` pixels that is empty or too large.
  func check(width: Int, height: Int, named name: String) throws(ImageError) {
    guard width > 0, height > 0 else { throw .damaged(name, reason: "it has \(width) x \(height) pixels") }
    let (area, overflow) = width.multipliedReportingOverflow(by: height)
    guard width <= side, height <= side, !overflow, area <= pixels else {
      throw .tooLarge(name, width: width, height: height, limit: self)
    }
  }
}
