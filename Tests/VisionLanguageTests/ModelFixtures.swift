import Foundation
import Testing
import Torch

@testable import VisionLanguage

/// The folders that make_fixtures.py wrote, and what transformers computes with them.
enum ModelFixtures {
  static let models = ["tied", "untied", "odd", "whole", "windows", "single"]

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures").path

  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let grids: [[Int]]
    let tokens: [Int32]
    let positions: [[Int32]]
    let response: [Int32]
    let first_logits: [Float]
    let log_probabilities: [Float]
    let entropies: [Float]
    let greedy: [Int32]

    var testDescription: String { name }

    func prompt(for configuration: Qwen25VLConfiguration) -> VisualPrompt {
      VisualPrompt(
        tokens: tokens,
        images: grids.enumerated().map {
          patches(
            $1[0], $1[1], number: $0, elements: configuration.vision.patchElements,
            mergeSize: configuration.vision.spatialMergeSize)
        })
    }
  }

  static func cases(of model: String) throws -> [Case] {
    let data = try Data(contentsOf: URL(filePath: "\(folder)/\(model == "adapter" ? "adapter_" : "")expected.json"))
    return try #require(JSONDecoder().decode([String: [Case]].self, from: data)[model])
  }

  static func model(_ name: String, dtype: DType = .float32) throws -> Qwen25VL {
    try Qwen25VL(folder: "\(folder)/\(name)", dtype: dtype)
  }

  /// The pixels that make_fixtures.py makes up too.
  static func patches(_ height: Int, _ width: Int, number: Int, elements: Int, mergeSize: Int = 2) -> ImagePatches {
    let values = (0..<height * width * elements).map { Float(sin(0.37 * Double($0) + Double(number))) }
    return ImagePatches(values: values, gridHeight: height, gridWidth: width, mergeSize: mergeSize)
  }

  static func temporaryFolder() throws -> String {
    let path = NSTemporaryDirectory() + "/model-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }
}

/// The largest difference between two lists of equal length.
func largestDifference(_ a: [Float], _ b: [Float]) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
