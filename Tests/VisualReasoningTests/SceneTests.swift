import DurableFiles
import Images
import Testing

@testable import VisualReasoning

@Suite("scenes and their pictures")
struct SceneTests {
  static let scenes = (0..<400).map { DataPart.train.scene(seed: 11, index: $0) }

  @Test("a picture shows its scene: a reader of pixels finds nearly every colour and value")
  func legible() {
    var colours = 0
    var values = 0
    for (index, scene) in Self.scenes.enumerated() {
      let renderer = SceneRenderer()
      let read = PixelReader.bars(of: renderer.picture(of: scene, seed: 11, index: index), drawnBy: renderer)
      colours += zip(read, scene.bars).count { $0.colour == $1.colour }
      values += zip(read, scene.bars).count { $0.value == $1.value }
    }
    #expect(colours >= 1592, "\(colours) of 1600")
    #expect(values >= 1584, "\(values) of 1600")
  }

  @Test("the same seed and index give the same bytes; another seed or index gives others")
  func deterministic() throws {
    let renderer = SceneRenderer()
    let scene = Self.scenes[0]
    let picture = renderer.picture(of: scene, seed: 5, index: 7)
    #expect(renderer.picture(of: scene, seed: 5, index: 7) == picture)
    #expect(renderer.picture(of: scene, seed: 6, index: 7) != picture)
    #expect(renderer.picture(of: scene, seed: 5, index: 8) != picture)
    // Fixed once and for all, so that the data set of a seed is the same in every build.
    let digest = SHA256Digest(of: renderer.picture(of: try #require(exampleScene), seed: 1, index: 1).pixels).description
    #expect(digest == "03738bedbfd890c8d12699f12f361a868240a89b1bca4a60fb78d4afadbb2524")
  }

  @Test("noise has the deviation asked for")
  func noise() {
    var clean = SceneRenderer()
    clean.noise = 0
    var noisy = SceneRenderer()
    noisy.noise = 0.08
    // Mid-tones, where neither black nor white cuts the noise off.
    var differences: [Double] = []
    for (index, scene) in Self.scenes.prefix(100).enumerated() {
      let pair = zip(
        clean.picture(of: scene, seed: 3, index: index).pixels, noisy.picture(of: scene, seed: 3, index: index).pixels)
      for (flat, rough) in pair where (90...165).contains(flat) { differences.append((Double(rough) - Double(flat)) / 255) }
    }
    let mean = differences.reduce(0, +) / Double(differences.count)
    let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(differences.count)
    #expect(differences.count > 10_000)
    #expect(abs(mean) < 0.002)
    #expect(abs(variance.squareRoot() - 0.08) < 0.001)
  }

  @Test("with the mean that is recommended, the background is near 0 and the spread near 1")
  func normalized() {
    let renderer = SceneRenderer()
    var corners: [Double] = []
    var all: [Double] = []
    for (index, scene) in Self.scenes.prefix(100).enumerated() {
      let pixels = renderer.picture(of: scene, seed: 1, index: index).pixels
      let values = pixels.map { (Double($0) / 255 - SceneRenderer.channelMean[0]) / SceneRenderer.channelDeviation[0] }
      corners += values.prefix(3)
      all += values
    }
    let mean = all.reduce(0, +) / Double(all.count)
    let variance = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)
    #expect(abs(corners.reduce(0, +) / Double(corners.count)) < 0.5)
    #expect(abs(mean) < 0.5 && (0.8...1.25).contains(variance))
  }

  @Test("a scene is of one part whatever the seed, one in eight held out, and drawing for a part stays in it")
  func parts() {
    var heldOut = 0
    for index in 0..<8000 {
      var random = SeededRandom(seed: 21, purpose: .scene, index: index)
      if DataPart(of: Scene.draw(using: &random)) == .heldOut { heldOut += 1 }
    }
    #expect((900...1100).contains(heldOut))
    for part in DataPart.allCases {
      for index in 0..<300 { #expect(DataPart(of: part.scene(seed: 9, index: index)) == part) }
    }
  }

  @Test("values and orders are drawn evenly")
  func even() {
    var values = [Int](repeating: 0, count: 10)
    var first = [BarColour: Int]()
    for index in 0..<5000 {
      var random = SeededRandom(seed: 1, purpose: .scene, index: index)
      let scene = Scene.draw(using: &random)
      for bar in scene.bars { values[bar.value] += 1 }
      first[scene.bars[0].colour, default: 0] += 1
    }
    #expect(chiSquare(values, expected: [Double](repeating: 0.1, count: 10)) < 27.9)
    #expect(chiSquare(BarColour.allCases.map { first[$0] ?? 0 }, expected: [0.25, 0.25, 0.25, 0.25]) < 16.3)
  }

  @Test("a scene needs each colour once and values that a bar can have")
  func invalid() {
    let red = Scene.Bar(colour: .red, value: 1)
    #expect(Scene(bars: []) == nil)
    #expect(Scene(bars: [red, red, red, red]) == nil)
    #expect(Scene(bars: [red, .init(colour: .green, value: 10), .init(colour: .blue, value: 0), .init(colour: .gray, value: 2)]) == nil)
  }
}

/// Pearson's statistic of `counts` against the shares `expected`; for 3, 4, 9 degrees of freedom it exceeds 16.3, 18.5, 27.9
/// once in a thousand times.
func chiSquare(_ counts: [Int], expected: [Double]) -> Double {
  let total = Double(counts.reduce(0, +))
  return zip(counts, expected).reduce(0) { sum, pair in
    let expected = pair.1 * total
    return sum + (Double(pair.0) - expected) * (Double(pair.0) - expected) / expected
  }
}
