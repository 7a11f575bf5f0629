import Testing

@testable import Torch

@Suite("The shim's own loops, on several threads", .serialized)
struct ThreadTests {
  /// Large enough that every loop is shared out.
  static func numbers(_ shape: [Int], _ seed: Int) throws -> Tensor {
    try Tensor((0..<shape.reduce(1, *)).map { Float(($0 * 7919 + seed * 104_729) % 2003) / 1001 - 1 }, shape: shape)
  }

  @Test("find the same bits as on one")
  func threads() throws {
    let before = TorchRuntime.threads
    defer { try? TorchRuntime.setThreads(before) }
    func run(_ threads: Int) throws -> [[Float]] {
      try TorchRuntime.setThreads(threads)
      let x = try Self.numbers([600, 256], 1).setRequiresGradient()
      let scale = try Self.numbers([256], 2).setRequiresGradient()
      let normed = try x.rmsNorm(scale, epsilon: 1e-6)
      try (normed * Self.numbers([600, 256], 3)).sum().backward()
      let angles = try Self.numbers([1, 1, 300, 64], 4)
      let turned = try Self.numbers([2, 4, 300, 64], 5).rotated(cosine: angles, sine: Self.numbers([1, 1, 300, 64], 6))
      let drawn = try Self.numbers([40, 5000], 7).sampled(
        rows: Array(0..<40), draws: (0..<40).map { Double($0) / 40 }, temperature: 1, topK: 0, topP: 1)
      return [
        try normed.floats(), try #require(x.gradient).floats(), try #require(scale.gradient).floats(), try turned.floats(),
        drawn.tokens.map(Float.init), drawn.logProbabilities,
      ]
    }
    let one = try run(1)
    for count in [2, 3, 5] { #expect(try run(count) == one) }
  }
}
