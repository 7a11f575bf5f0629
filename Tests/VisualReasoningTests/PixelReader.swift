import Images

@testable import VisualReasoning

/// Reads a chart from its pixels alone, as a person would: which colour the foot of each column has, and where it ends.
enum PixelReader {
  static func bars(of image: RGBImage, drawnBy renderer: SceneRenderer) -> [Scene.Bar] {
    (0..<4).map { column in
      // The middle of the column, which every bar covers however it is shifted.
      let middle = column * 28 + 12..<column * 28 + 16
      let rows = (0..<image.height).map { y in
        (0..<3).map { channel in
          middle.reduce(0) { $0 + Double(image.pixels[(y * image.width + $1) * 3 + channel]) } / Double(middle.count) / 255
        }
      }
      let background = rows[0]
      let ink = rows.map { distance($0, background) }
      let foot = (24...26).max { ink[$0] < ink[$1] } ?? 26
      let nearest = palette.min { distance($0.rgb, rows[foot]) < distance($1.rgb, rows[foot]) }
      let covered = ink.filter { $0 > ink[foot] * 0.75 }
      let full = covered.reduce(0, +) / Double(covered.count)
      let height = ink.reduce(0) { $0 + ($1 > full * 0.3 ? $1 / full : 0) }
      let value = ((height - renderer.heightOfZero) / renderer.pixelsPerUnit).rounded()
      return Scene.Bar(colour: nearest?.colour ?? .gray, value: Int(min(9, max(0, value))))
    }
  }

  private static let palette: [(colour: BarColour, rgb: [Double])] = [
    (.red, [0.85, 0.15, 0.15]), (.green, [0.15, 0.70, 0.20]), (.blue, [0.15, 0.25, 0.90]), (.gray, [0.50, 0.50, 0.50]),
  ]

  private static func distance(_ one: [Double], _ other: [Double]) -> Double {
    zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }
}
