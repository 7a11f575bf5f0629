package import Images

/// Draws a scene as a bar chart of 112 x 28 pixels: each bar in a column of its own of 28 pixels, which is one visual
/// token of a model with patches of 14 pixels merged two by two.
package struct SceneRenderer: Sendable, Equatable, Codable {
  package static let columnWidth = 28
  package static let width = 4 * columnWidth
  package static let height = 28

  /// What to subtract from each channel, where 1 is the full range, before a model that learns from nothing sees the
  /// pictures (`image_mean`); divide by `channelDeviation` then (`image_std`).
  ///
  /// With the usual mean of photographs, about 0.46, the bright background becomes a large constant in every visual token. It
  /// hides the bars from attention: reading them is then learned many hundred steps later, or not at all.
  package static let channelMean = [0.85, 0.85, 0.85]
  package static let channelDeviation = [0.25, 0.25, 0.25]

  /// Standard deviation of the noise added to each channel of each pixel, where 1 is the full range.
  package var noise = 0.08
  /// Greatest change of a bar's red, green and blue, each, where 1 is the full range.
  package var tint = 0.08
  /// Greatest shift of a bar from the middle of its column, to either side, pixels.
  package var shift = 3.0
  /// Greatest lift of a bar's foot, pixels; well below `pixelsPerUnit`, or the top would no longer tell the value.
  package var lift = 1.0
  /// Narrowest and widest bar, pixels.
  package var narrowest = 10.0
  package var widest = 18.0
  /// Darkest background; the lightest is white.
  package var darkest = 0.85
  /// How much one unit of value adds to a bar's height, pixels.
  package var pixelsPerUnit = 2.6
  /// Height of a bar of value 0, pixels, so that it still shows its colour.
  package var heightOfZero = 1.5

  package init() {}

  /// - Parameters:
  ///   - seed, index: fix jitter and noise: the same scene, seed and index give the same bytes on every machine.
  package func picture(of scene: Scene, seed: UInt64, index: Int) -> RGBImage {
    var random = SeededRandom(seed: seed, purpose: .picture, index: index)
    let brightness = random.uniform(darkest...1)
    let background = (0..<3).map { _ in min(1, brightness + random.uniform(-0.03...0.03)) }
    var canvas = [Double](repeating: 0, count: Self.width * Self.height * 3)
    for offset in canvas.indices { canvas[offset] = background[offset % 3] }
    for (column, bar) in scene.bars.enumerated() {
      draw(bar, column: column, on: &canvas, using: &random)
    }
    let pixels = canvas.map { value in
      UInt8(min(1, max(0, value + noise * random.normal())) * 255 + 0.5)
    }
    return RGBImage(width: Self.width, height: Self.height, pixels: pixels)
  }

  private func draw(
    _ bar: Scene.Bar, column: Int, on canvas: inout [Double], using random: inout SeededRandom
  ) {
    let colour = bar.colour.redGreenBlue.map { min(1, max(0, $0 + random.uniform(-tint...tint))) }
    let width = random.uniform(narrowest...widest)
    let centre = Double(column * Self.columnWidth) + Double(Self.columnWidth) / 2 + random.uniform(-shift...shift)
    let foot = Double(Self.height) - 1 - random.uniform(0...lift)
    let top = foot - heightOfZero - pixelsPerUnit * Double(bar.value)
    for y in 0..<Self.height {
      let rowCover = Self.cover(of: y, from: top, to: foot)
      if rowCover == 0 { continue }
      for x in column * Self.columnWidth..<(column + 1) * Self.columnWidth {
        let cover = rowCover * Self.cover(of: x, from: centre - width / 2, to: centre + width / 2)
        for channel in 0..<3 {
          let offset = (y * Self.width + x) * 3 + channel
          canvas[offset] += cover * (colour[channel] - canvas[offset])
        }
      }
    }
  }

  /// How much of pixel `position` lies between the two edges, 0...1.
  private static func cover(of position: Int, from start: Double, to end: Double) -> Double {
    max(0, min(Double(position + 1), end) - max(Double(position), start))
  }
}

extension BarColour {
  /// Before tinting, each 0...1.
  fileprivate var redGreenBlue: [Double] {
    switch self {
    case .red: [0.85, 0.15, 0.15]
    case .green: [0.15, 0.70, 0.20]
    case .blue: [0.15, 0.25, 0.90]
    case .gray: [0.50, 0.50, 0.50]
    }
  }
}
