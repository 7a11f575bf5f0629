import Foundation
import Images
import Testing

@testable import VisionLanguage

@Suite("The image processor, against transformers")
struct ImageProcessorTests {
  /// What `ImageFixtures/make_image_fixtures.py` wrote.
  struct Patches: Decodable, Sendable, CustomTestStringConvertible {
    let width, height, minPixels, maxPixels, seed, gridHeight, gridWidth, columns: Int
    /// Values at places spread over the picture.
    let torchvision, pillow: [Float]
    /// Of all values.
    let sum, pillowSum: Double
    var testDescription: String { "\(width) x \(height), \(minPixels) to \(maxPixels) pixels" }
  }

  struct Size: Decodable, Sendable {
    let width, height, minPixels, maxPixels: Int
    let to: [Int]
  }

  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("ImageFixtures")

  static func read<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(contentsOf: folder.appendingPathComponent(name)))
  }

  /// The script's `picture`.
  static func picture(width: Int, height: Int, seed: Int) -> RGBImage {
    let pixels = (0..<width * height * 3).map { index -> UInt8 in
      let state = ((UInt64(index) + UInt64(seed) * 1_000_003) &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407) >> 33
      let noise = UInt8(truncatingIfNeeded: (state &* 2_654_435_761) >> 8)
      let (y, x, c) = (index / 3 / width, index / 3 % width, index % 3)
      switch (x / 9 + y / 7) % 3 {
      case 0: return noise
      case 1: return UInt8((x * 3 + y * 5 + c * 40) % 256)
      default: return (x / 9 + y / 7) % 2 == 1 ? 255 : 0
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// The script's `places`.
  static func sample(_ values: [Float]) -> [Float] { (0..<min(values.count, 240)).map { values[$0 * 7919 % values.count] } }

  @Test("grid, order and values are those of transformers", arguments: try read("patches.json", as: [Patches].self))
  func patches(row: Patches) throws {
    let image = Self.picture(width: row.width, height: row.height, seed: row.seed)
    let processor = try ImageProcessor(minPixels: row.minPixels, maxPixels: row.maxPixels)
    let patches = try processor.process(image)
    #expect(patches.gridHeight == row.gridHeight)
    #expect(patches.gridWidth == row.gridWidth)
    #expect(patches.mergedTokenCount == row.gridHeight * row.gridWidth / 4)
    try #require(patches.values.count == row.gridHeight * row.gridWidth * row.columns)
    let grid = try processor.grid(width: row.width, height: row.height)
    #expect(grid.gridHeight == row.gridHeight && grid.gridWidth == row.gridWidth)

    // One step of 255 after normalisation by the smallest standard deviation.
    let step: Float = 1 / 255 / 0.26130258
    let values = Self.sample(patches.values)
    let isResized = row.gridWidth * 14 != row.width || row.gridHeight * 14 != row.height
    if isResized {
      #expect(zip(values, row.torchvision).allSatisfy { abs($0 - $1) <= 1.01 * step })
      #expect(zip(values, row.pillow).allSatisfy { abs($0 - $1) <= 1e-4 * step })
    } else {
      #expect(values == row.torchvision)
    }
    // The whole picture, so that no patch is left out: a mean within a hundredth of a step, and Pillow's to rounding.
    let sum = patches.values.reduce(0.0) { $0 + Double($1) }
    let count = Double(patches.values.count)
    #expect(abs(sum - row.sum) / count <= 0.05 * Double(step))
    #expect(abs(sum - row.pillowSum) / count <= 1e-6)
  }

  @Test("sizes are those of smart_resize")
  func sizes() throws {
    for row in try Self.read("sizes.json", as: [Size].self) {
      let size = try ImageProcessor.smartResize(
        width: row.width, height: row.height, factor: 28, minPixels: row.minPixels, maxPixels: row.maxPixels)
      #expect([size.width, size.height] == row.to, "\(row)")
    }
  }

  @Test("a picture of the right size is not touched")
  func untouched() throws {
    let image = Self.picture(width: 56, height: 28, seed: 1)
    let plain = try ImageProcessor(minPixels: 1, resizes: true, rescaleFactor: nil, normalization: nil)
    let values = try plain.process(image).values
    #expect(values.count == 2 * image.pixels.count)
    #expect(Set(values) == Set(image.pixels.map(Float.init)))
    // Patch 1 is the upper right one of the first square; its second frame repeats its first.
    #expect(values[1176] == Float(image.pixels[14 * 3]))
    #expect(values[1176 + 196] == values[1176])
    #expect(values[1176 + 2 * 196] == Float(image.pixels[14 * 3 + 1]))
    #expect(values[2 * 1176] == Float(image.pixels[14 * 56 * 3]))
    #expect(values[4 * 1176] == Float(image.pixels[28 * 3]))
  }

  @Test("a picture over 200 times as long as wide, or empty, is refused", arguments: [(201, 1), (1, 201), (0, 5), (5, 0), (-1, 5)])
  func refused(width: Int, height: Int) throws {
    let processor = try ImageProcessor()
    let error = #expect(throws: ModelError.self) { try processor.grid(width: width, height: height) }
    #expect(error?.code == "model.image")
    #expect(error?.message.contains("\(width) x \(height)") == true)
  }

  @Test("a picture that would take more memory than there is reason for is refused")
  func tooLarge() throws {
    let processor = try ImageProcessor(maxPixels: Int(Int32.max))
    #expect(throws: ModelError.self) { try processor.grid(width: 30_000, height: 30_000) }
  }

  @Test("without resizing, only whole squares pass")
  func notResized() throws {
    let processor = try ImageProcessor(resizes: false)
    #expect(try processor.grid(width: 28, height: 56) == (4, 2))
    #expect(throws: ModelError.self) { try processor.grid(width: 30, height: 56) }
    #expect(throws: ModelError.self) { try processor.grid(width: 14, height: 28) }
  }

  @Test("limits that contradict each other are refused, also when set later")
  func limits() throws {
    #expect(throws: ModelError.self) { try ImageProcessor(minPixels: 0) }
    #expect(throws: ModelError.self) { try ImageProcessor(minPixels: 5000, maxPixels: 4000) }
    var processor = try ImageProcessor()
    processor.minPixels = 0
    #expect(throws: ModelError.self) { try processor.grid(width: 28, height: 28) }
  }

  @Test(
    "both forms of the limits are read",
    arguments: [
      #"{"min_pixels": 3136, "max_pixels": 12845056}"#,
      #"{"size": {"shortest_edge": 3136, "longest_edge": 12845056}}"#,
      #"{"size": {"min_pixels": 3136, "max_pixels": 12845056}}"#,
      #"{"min_pixels": 3136, "size": {"shortest_edge": 1, "longest_edge": 12845056}}"#,
      #"{"image_processor": {"size": {"shortest_edge": 3136, "longest_edge": 12845056}}, "video_processor": {"size": 3}}"#,
      #"""
      {"min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
       "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711],
       "image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
      """#,
    ])
  func forms(json: String) throws {
    let processor = try ImageProcessor(json: Array(json.utf8), named: "x")
    #expect(try processor == ImageProcessor(minPixels: 3136, maxPixels: 12_845_056))
  }

  @Test(
    "settings that cannot be followed are refused, naming the file",
    arguments: [
      "", "[]", "{", #"{"patch_size": "14"}"#, #"{"patch_size": 0}"#, #"{"patch_size": 1e99}"#, #"{"merge_size": -2}"#,
      #"{"temporal_patch_size": 0}"#, #"{"image_std": [1, 0, 1]}"#, #"{"image_mean": [1, 1]}"#, #"{"resample": 2}"#,
      #"{"image_processor_type": "CLIPImageProcessor"}"#, #"{"min_pixels": 10, "max_pixels": 5}"#, #"{"max_pixels": 0}"#,
      #"{"rescale_factor": 0}"#, #"{"size": 5}"#, #"{"max_pixels": 99999999999999999999}"#,
    ])
  func badSettings(json: String) {
    let error = #expect(throws: ModelError.self) { try ImageProcessor(json: Array(json.utf8), named: "some.json") }
    #expect(error?.code == "model.image-processor")
    #expect(error?.message.contains("some.json") == true)
  }

  @Test("what is written is read back, and has both forms of the limits")
  func written() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("processor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for processor in [
      try ImageProcessor(minPixels: 784, maxPixels: 12_544), try ImageProcessor(rescaleFactor: nil, normalization: nil),
      try ImageProcessor(patchSize: 16, temporalPatchSize: 1, mergeSize: 3, resizes: false),
    ] {
      try processor.write(to: folder.path)
      #expect(try ImageProcessor(preprocessorConfig: folder.path) == processor)
      #expect(try ImageProcessor(preprocessorConfig: folder.path + "/preprocessor_config.json") == processor)
    }
    let data = try Data(contentsOf: folder.appendingPathComponent("preprocessor_config.json"))
    let tree = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    #expect(tree?["min_pixels"] as? Int == 56 * 56)
    #expect((tree?["size"] as? [String: Int])?["longest_edge"] == 28 * 28 * 1280)
  }

  @Test("a folder of newer versions, without preprocessor_config.json, is read too")
  func newFolder() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("processor-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(throws: (any Error).self) { try ImageProcessor(preprocessorConfig: folder.path) }
    let json = #"{"image_processor": {"size": {"shortest_edge": 784, "longest_edge": 12544}}}"#
    try Data(json.utf8).write(to: folder.appendingPathComponent("processor_config.json"))
    #expect(try ImageProcessor(preprocessorConfig: folder.path + "/preprocessor_config.json").maxPixels == 12_544)
  }
}
