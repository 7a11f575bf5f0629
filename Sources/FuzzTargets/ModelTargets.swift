internal import VisionLanguage

extension FuzzTarget {
  static let models: [FuzzTarget] = [
    FuzzTarget("model-config", maximumLength: 2048, dictionary: "model", run: modelConfiguration),
    FuzzTarget("image-processor", maximumLength: 1024, dictionary: "model", run: imageProcessor),
  ]

  @Sendable
  private static func modelConfiguration(_ bytes: [UInt8]) -> Bool {
    guard let configuration = try? Qwen25VLConfiguration(json: bytes, named: "config.json") else { return false }
    let sizes = [configuration.headDimension, configuration.queriesPerKey, configuration.vision.windowTokens]
    require(sizes.allSatisfy { $0 >= 1 }, "an accepted configuration has the sizes \(sizes)")
    require(configuration.vision.patchElements >= 1 && configuration.vision.mergeUnit >= 1, "patches of no size")
    do {
      let written = try configuration.json()
      let read = try Qwen25VLConfiguration(json: written, named: "written")
      require(read == configuration, "\(configuration) is written and reads back as \(read)")
    } catch {
      require(false, "\(configuration) does not read back: \(error)")
    }
    return true
  }

  @Sendable
  private static func imageProcessor(_ bytes: [UInt8]) -> Bool {
    guard let processor = try? ImageProcessor(json: bytes, named: "preprocessor_config.json") else { return false }
    let largest = 1 << 15
    for (width, height) in [(1, 1), (28, 28), (640, 480), (1, 200), (largest, largest), (largest, 1), (31, 5000)] {
      guard let grid = try? processor.grid(width: width, height: height) else { continue }
      require(
        grid.gridHeight >= 1 && grid.gridWidth >= 1 && grid.gridHeight % processor.mergeSize == 0
          && grid.gridWidth % processor.mergeSize == 0, "\(width) x \(height) pixels become the grid \(grid)")
    }
    return true
  }
}
