extension ImageProcessor {
  static func check(minPixels: Int, maxPixels: Int) throws(ModelError) {
    guard minPixels >= 1, minPixels <= maxPixels, maxPixels <= Int(Int32.max) else {
      throw .imageProcessor("min_pixels, \(minPixels), is at least 1 and at most max_pixels, \(maxPixels), below 2^31")
    }
  }

  /// The size a picture is brought to: sides that are multiples of `factor`, pixels within the limits, the aspect ratio
  /// as it was as nearly as that allows. (`smart_resize` of Qwen2-VL.)
  ///
  /// - Parameters: sides in pixels; `factor` at least 1.
  /// - Throws: `ModelError` if a side is 0, one is more than 200 times the other, or the limits contradict each other.
  package static func smartResize(
    width: Int, height: Int, factor: Int, minPixels: Int, maxPixels: Int
  ) throws(ModelError) -> (width: Int, height: Int) {
    try check(minPixels: minPixels, maxPixels: maxPixels)
    guard width > 0, height > 0 else {
      throw .image("a picture of \(width) x \(height) pixels is empty", advice: "leave the row out or give it a picture")
    }
    guard Double(max(width, height)) / Double(min(width, height)) <= 200 else {
      throw .image(
        "a picture of \(width) x \(height) pixels is more than 200 times as long as wide",
        advice: "crop it or leave the row out")
    }
    let (pixels, unit) = (Double(width) * Double(height), Double(factor))
    // Half goes to even, as in Python.
    func nearest(_ side: Int) -> Double { (Double(side) / unit).rounded(.toNearestOrEven) * unit }
    var (newWidth, newHeight) = (nearest(width), nearest(height))
    if newWidth * newHeight > Double(maxPixels) {
      let shrink = (pixels / Double(maxPixels)).squareRoot()
      func below(_ side: Int) -> Double { max(unit, (Double(side) / shrink / unit).rounded(.down) * unit) }
      (newWidth, newHeight) = (below(width), below(height))
    } else if newWidth * newHeight < Double(minPixels) {
      let grow = (Double(minPixels) / pixels).squareRoot()
      func above(_ side: Int) -> Double { (Double(side) * grow / unit).rounded(.up) * unit }
      (newWidth, newHeight) = (above(width), above(height))
    }
    return (Int(newWidth), Int(newHeight))
  }
}
