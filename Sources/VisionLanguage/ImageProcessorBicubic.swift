internal import Images

extension RGBImage {
  /// Resizes with Catmull-Rom's cubic (a = -0.5), widened when shrinking so that every pixel counts.
  ///
  /// First across, then down, each pass rounded to 8 bits, with weights of 22 bits: Pillow's arithmetic, and its result.
  /// (From version 13, Pillow takes pictures that shrink more in height than in width the other way round, which rounds
  /// differently; torchvision does not.)
  ///
  /// - Parameters: in pixels, at least 1. A side that stays as it is costs nothing and changes nothing.
  func resizedBicubic(width: Int, height: Int) -> RGBImage {
    var image = self
    if width != self.width { image = image.resampledAcross(CubicWeights(from: self.width, to: width)) }
    if height != self.height { image = image.resampledDown(CubicWeights(from: self.height, to: height)) }
    return image
  }

  private func resampledAcross(_ weights: CubicWeights) -> RGBImage {
    let newWidth = weights.count
    let resampled = [UInt8](unsafeUninitializedCapacity: newWidth * height * 3) { output, count in
      pixels.withUnsafeBufferPointer { pixels in
        for row in 0..<height {
          for column in 0..<newWidth {
            var (red, green, blue) = (CubicWeights.half, CubicWeights.half, CubicWeights.half)
            var pixel = (row * width + weights.starts[column]) * 3
            for weight in weights[column] {
              red &+= Int32(pixels[pixel]) &* weight
              green &+= Int32(pixels[pixel + 1]) &* weight
              blue &+= Int32(pixels[pixel + 2]) &* weight
              pixel += 3
            }
            output[count] = CubicWeights.byte(red)
            output[count + 1] = CubicWeights.byte(green)
            output[count + 2] = CubicWeights.byte(blue)
            count += 3
          }
        }
      }
    }
    return RGBImage(width: newWidth, height: height, pixels: resampled)
  }

  private func resampledDown(_ weights: CubicWeights) -> RGBImage {
    let stride = width * 3
    var sums = [Int32](repeating: 0, count: stride)
    let resampled = [UInt8](unsafeUninitializedCapacity: stride * weights.count) { output, count in
      pixels.withUnsafeBufferPointer { pixels in
        sums.withUnsafeMutableBufferPointer { sums in
          for row in 0..<weights.count {
            sums.update(repeating: CubicWeights.half)
            for (offset, weight) in weights[row].enumerated() {
              let source = UnsafeBufferPointer(rebasing: pixels[((weights.starts[row] + offset) * stride)...])
              for index in 0..<stride { sums[index] &+= Int32(source[index]) &* weight }
            }
            for index in 0..<stride { output[count + index] = CubicWeights.byte(sums[index]) }
            count += stride
          }
        }
      }
    }
    return RGBImage(width: width, height: weights.count, pixels: resampled)
  }
}

/// Which pixels of a line make up each pixel of the resized line, and how much of each.
private struct CubicWeights {
  /// Fractional bits of a weight: 8 of the value, and 2 for the cubic's overshoot, are left of 32.
  private static let bits: Int32 = 22
  /// What makes dropping the fraction round.
  static let half: Int32 = 1 << (bits - 1)

  /// [output]: the first input that counts.
  private(set) var starts: [Int] = []
  /// [output, tap], flat; `offsets` says where each output's begin.
  private var weights: [Int32] = []
  private var offsets = [0]

  var count: Int { starts.count }

  subscript(output: Int) -> ArraySlice<Int32> { weights[offsets[output]..<offsets[output + 1]] }

  init(from inputs: Int, to outputs: Int) {
    let scale = Double(inputs) / Double(outputs)
    let width = max(scale, 1)
    for output in 0..<outputs {
      let center = (Double(output) + 0.5) * scale
      let start = max(0, Int(center - 2 * width + 0.5))
      let end = min(inputs, Int(center + 2 * width + 0.5))
      let taps = (start..<end).map { Self.cubic((Double($0) - center + 0.5) * (1 / width)) }
      let sum = taps.reduce(0, +)
      starts.append(start)
      for tap in taps {
        let fixed = (sum == 0 ? tap : tap / sum) * Double(1 << Self.bits)
        weights.append(Int32(fixed < 0 ? fixed - 0.5 : fixed + 0.5))
      }
      offsets.append(weights.count)
    }
  }

  static func byte(_ sum: Int32) -> UInt8 { UInt8(clamping: sum >> bits) }

  /// Keys' cubic with a = -0.5, of support 2.
  private static func cubic(_ x: Double) -> Double {
    let a = -0.5
    let x = abs(x)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
