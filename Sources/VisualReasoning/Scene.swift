/// A bar's colour, and the word for it in questions and traces.
package enum BarColour: String, Sendable, CaseIterable, Codable {
  case red
  case green
  case blue
  case gray
}

/// What a chart shows: one bar of each colour, from left to right, with its value.
package struct Scene: Sendable, Hashable, Codable {
  package struct Bar: Sendable, Hashable, Codable {
    package let colour: BarColour
    /// 0..9.
    package let value: Int

    package init(colour: BarColour, value: Int) {
      self.colour = colour
      self.value = value
    }
  }

  package static let values = 0...9

  /// From left to right.
  package let bars: [Bar]

  /// - Returns: nil unless there is exactly one bar of each colour and each value is in 0..9.
  package init?(bars: [Bar]) {
    guard bars.count == BarColour.allCases.count, Set(bars.map(\.colour)).count == bars.count,
      bars.allSatisfy({ Self.values.contains($0.value) })
    else { return nil }
    self.bars = bars
  }

  private init(checked bars: [Bar]) {
    self.bars = bars
  }

  package func value(of colour: BarColour) -> Int {
    bars.reduce(0) { $1.colour == colour ? $1.value : $0 }
  }

  static func draw(using random: inout SeededRandom) -> Scene {
    Scene(checked: random.shuffled(BarColour.allCases).map { Bar(colour: $0, value: random.below(values.count)) })
  }
}

/// The two halves of all possible scenes. Which half a scene belongs to follows from its bars alone, so that no held-out
/// scene is ever trained on, whatever the seeds.
package enum DataPart: String, Sendable, CaseIterable, Codable {
  case train
  case heldOut = "held-out"

  /// One scene in eight is held out.
  package init(of scene: Scene) {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325  // FNV-1a over colours and values
    for bar in scene.bars {
      for byte in bar.colour.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = (hash ^ UInt64(bar.value)) &* 0x100_0000_01B3
    }
    self = (hash >> 32) % 8 == 0 ? .heldOut : .train
  }

  /// The scene of number `index` of this part.
  func scene(seed: UInt64, index: Int) -> Scene {
    var random = SeededRandom(seed: seed, purpose: .scene, index: BuiltInDataSet.stream(self, index))
    var scene = Scene.draw(using: &random)
    while DataPart(of: scene) != self { scene = Scene.draw(using: &random) }
    return scene
  }
}
