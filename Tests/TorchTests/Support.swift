import Foundation
import Testing

@testable import Torch

func fixture(_ name: String, _ here: String = #filePath) -> String {
  (here as NSString).deletingLastPathComponent + "/Fixtures/" + name
}

/// A folder for one test, gone when `body` returns.
func withTemporaryFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
  let folder = NSTemporaryDirectory() + "torch-tests-" + UUID().uuidString
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  return try body(folder)
}

/// Numbers in [-1, 1), the same each time.
func numbers(_ count: Int, seed: UInt64 = 1) -> [Double] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(state >> 11) * 0x1p-52 - 1
  }
}

func tensor(_ shape: [Int], seed: UInt64 = 1) throws -> Tensor {
  try Tensor(numbers(shape.reduce(1, *), seed: seed), shape: shape)
}

func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-9) -> Bool {
  a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
}
