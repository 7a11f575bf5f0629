package import Images
internal import Limits

/// Turns a picture into the patches that the vision tower of Qwen2.5-VL reads.
///
/// Does what `Qwen2VLImageProcessor` of `transformers` does: resize to whole patches within the wanted number of pixels,
/// scale, normalise, cut. The grid is the same, and so is every value of a picture that needs no resizing; resized ones
/// are those of Pillow bit for bit, and of torchvision to one step of 255.
package struct ImageProcessor: Sendable, Equatable {
  /// Wanted number of pixels of a picture after resizing, at least 1 and in this order, which is checked when a picture
  /// comes. A very long one may end up above.
  package var minPixels, maxPixels: Int
  /// Side of a patch, in pixels.
  package let patchSize: Int
  /// Frames a patch is deep: a still picture repeated so often.
  package let temporalPatchSize: Int
  /// Side, in patches, of the square that becomes one token of the decoder.
  package let mergeSize: Int
  /// If false, pictures must come in sizes that need no resizing.
  package let resizes: Bool
  /// What values 0..255 are multiplied with; nil for not at all.
  package let rescaleFactor: Double?
  /// [red, green, blue]; nil for no normalisation.
  package let normalization: Normalization?

  /// Subtract the mean, then divide by the standard deviation, of each channel.
  package struct Normalization: Sendable, Equatable {
    package let mean, standardDeviation: [Double]

    package init(mean: [Double], standardDeviation: [Double]) {
      self.mean = mean
      self.standardDeviation = standardDeviation
    }

    /// What CLIP was trained with, and Qwen2.5-VL after it.
    package static let clip = Normalization(
      mean: [0.48145466, 0.4578275, 0.40821073], standardDeviation: [0.26862954, 0.26130258, 0.27577711])
  }

  /// Values of all patches of one picture: 1 GiB of them.
  private static let valueLimit = Limits.standard.images.values

  /// [3, 256]: what each value of each channel becomes.
  private let levels: [Float]

  /// - Throws: `ModelError` if a number is out of range.
  package init(
    minPixels: Int = 56 * 56, maxPixels: Int = 28 * 28 * 1280, patchSize: Int = 14, temporalPatchSize: Int = 2,
    mergeSize: Int = 2, resizes: Bool = true, rescaleFactor: Double? = 1 / 255, normalization: Normalization? = .clip
  ) throws(ModelError) {
    func require(_ condition: Bool, _ rule: String) throws(ModelError) {
      if !condition { throw .imageProcessor(rule) }
    }
    try Self.check(minPixels: minPixels, maxPixels: maxPixels)
    try require((1...256).contains(patchSize), "patch_size, \(patchSize), lies in 1...256")
    try require((1...16).contains(temporalPatchSize), "temporal_patch_size, \(temporalPatchSize), lies in 1...16")
    try require((1...16).contains(mergeSize), "merge_size, \(mergeSize), lies in 1...16")
    if let rescaleFactor { try require(rescaleFactor > 0 && rescaleFactor.isFinite, "rescale_factor is above 0") }
    if let normalization {
      let (mean, deviation) = (normalization.mean, normalization.standardDeviation)
      try require(mean.count == 3 && deviation.count == 3, "image_mean and image_std have one number a channel, 3")
      try require(mean.allSatisfy(\.isFinite), "image_mean is finite")
      try require(deviation.allSatisfy { $0 > 0 && $0.isFinite }, "image_std is above 0")
    }
    self.minPixels = minPixels
    self.maxPixels = maxPixels
    self.patchSize = patchSize
    self.temporalPatchSize = temporalPatchSize
    self.mergeSize = mergeSize
    self.resizes = resizes
    self.rescaleFactor = rescaleFactor
    self.normalization = normalization
    levels = Self.levels(rescaleFactor, normalization)
  }

  /// The picture's grid of patches after resizing.
  ///
  /// - Parameters: in pixels.
  /// - Throws: `ModelError` for a picture that cannot be cut into patches: empty, over 200 times as long as wide, of too
  ///   many patches, or of odd size where nothing is to be resized.
  package func grid(width: Int, height: Int) throws(ModelError) -> (gridHeight: Int, gridWidth: Int) {
    let size = try resizedSize(width: width, height: height)
    return (size.height / patchSize, size.width / patchSize)
  }

  /// - Throws: as `grid`.
  package func process(_ image: RGBImage) throws(ModelError) -> ImagePatches {
    let size = try resizedSize(width: image.width, height: image.height)
    let resized = image.resizedBicubic(width: size.width, height: size.height)
    return ImagePatches(
      values: patches(of: resized), gridHeight: size.height / patchSize, gridWidth: size.width / patchSize,
      mergeSize: mergeSize)
  }

  private func resizedSize(width: Int, height: Int) throws(ModelError) -> (width: Int, height: Int) {
    let factor = patchSize * mergeSize
    var size = (width: width, height: height)
    if resizes {
      size = try Self.smartResize(
        width: width, height: height, factor: factor, minPixels: minPixels, maxPixels: maxPixels)
    } else if width < factor || height < factor || width % factor != 0 || height % factor != 0 {
      throw .image(
        "a picture of \(width) x \(height) pixels is no whole number of \(factor) x \(factor) squares",
        advice: "set do_resize to true, or resize it first")
    }
    let (values, overflow) = (size.width * size.height).multipliedReportingOverflow(by: 3 * temporalPatchSize)
    guard !overflow, values <= Self.valueLimit else {
      throw .image(
        "a picture of \(width) x \(height) pixels would be \(size.width) x \(size.height) after resizing",
        advice: "set a smaller max_pixels")
    }
    return size
  }

  /// Values are computed in the order of `transformers`, in 32 bits, so that they are the same to the last one: where
  /// there is a factor and a normalisation, the mean and the deviation are divided by the factor, not the pixels
  /// multiplied.
  private static func levels(_ factor: Double?, _ normalization: Normalization?) -> [Float] {
    (0..<3).flatMap { channel in
      (0..<256).map { value in
        guard let normalization else { return Float(value) * Float(factor ?? 1) }
        let scale = Float(factor.map { 1 / $0 } ?? 1)
        let mean = Float(normalization.mean[channel]) * scale
        let deviation = Float(normalization.standardDeviation[channel]) * scale
        return (Float(value) - mean) / deviation
      }
    }
  }

  /// - Parameter image: of whole squares of `mergeSize * patchSize` pixels.
  /// - Returns: [patch, channel, frame, row, column], flat.
  private func patches(of image: RGBImage) -> [Float] {
    let (patch, merge, frames) = (patchSize, mergeSize, temporalPatchSize)
    let area = patch * patch
    let square = patch * merge
    return [Float](unsafeUninitializedCapacity: image.width * image.height * 3 * frames) { values, count in
      image.pixels.withUnsafeBufferPointer { pixels in
        levels.withUnsafeBufferPointer { levels in
          // Patches that merge into one token lie together: the tokens row by row, and in each its patches row by row.
          for top in stride(from: 0, to: image.height, by: square) {
            for left in stride(from: 0, to: image.width, by: square) {
              for index in 0..<merge * merge {
                let (y, x) = (top + index / merge * patch, left + index % merge * patch)
                for channel in 0..<3 {
                  for row in 0..<patch {
                    var pixel = ((y + row) * image.width + x) * 3 + channel
                    for column in 0..<patch {
                      values[count + row * patch + column] = levels[channel << 8 | Int(pixels[pixel])]
                      pixel += 3
                    }
                  }
                  for frame in 1..<frames {
                    for offset in 0..<area { values[count + frame * area + offset] = values[count + offset] }
                  }
                  count += frames * area
                }
              }
            }
          }
        }
      }
    }
  }
}

/// A picture, cut up for the vision tower.
package struct ImagePatches: Sendable, Equatable {
  /// [gridHeight * gridWidth, 3 * temporalPatchSize * patchSize * patchSize]. Rows are in the order of `transformers`:
  /// the patches of each merged square together, the squares row by row. Columns are channel, frame, row, column.
  package let values: [Float]
  /// In patches; multiples of the merge size.
  package let gridHeight, gridWidth: Int
  /// Tokens that the picture takes in a prompt.
  package var mergedTokenCount: Int { gridHeight * gridWidth / (mergeSize * mergeSize) }

  private let mergeSize: Int

  package init(values: [Float], gridHeight: Int, gridWidth: Int, mergeSize: Int) {
    self.values = values
    self.gridHeight = gridHeight
    self.gridWidth = gridWidth
    self.mergeSize = mergeSize
  }
}

extension ModelError {
  static func imageProcessor(_ rule: String) -> ModelError {
    ModelError(
      code: "model.image-processor", message: "the image processor's settings break a rule: \(rule)",
      advice: "use the preprocessor_config.json that belongs to the model")
  }

  static func image(_ message: String, advice: String) -> ModelError {
    ModelError(code: "model.image", message: message, advice: advice)
  }
}
