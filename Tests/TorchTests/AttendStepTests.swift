import Testing

@testable import Torch

@Suite("Attention of one new token a row")
struct AttendStepTests {
  /// Rows of the angles, key heads, query heads, width, with a mask.
  static let shapes = [(1, 2, 4, 24, false), (3, 2, 2, 8, true), (1, 1, 6, 10, true), (3, 4, 4, 2, false)]

  @Test("the single pass in float32 finds what libtorch's operations find in float64", arguments: shapes)
  func precision(angleRows: Int, keyHeads: Int, heads: Int, width: Int, isMasked: Bool) throws {
    let (rows, slots, slot, step) = (3, 9, 6, 2)
    func numbers(_ shape: [Int], _ seed: Int) -> [Double] {
      (0..<shape.reduce(1, *)).map { Double(($0 * 37 + seed * 101) % 97) / 48 - 1 }
    }
    func run(_ dtype: DType) throws -> (found: [Float], cache: [Float]) {
      func tensor(_ shape: [Int], _ seed: Int) throws -> Tensor { try Tensor(numbers(shape, seed), shape: shape).cast(to: dtype) }
      let cache = try tensor([2, rows, keyHeads, slots, width], 1)
      let mask = try Tensor(
        (0..<rows * slots).map { $0 % slots == 1 ? -Double.infinity : 0 }, shape: [rows, 1, 1, slots]).cast(to: dtype)
      let found = try tensor([rows, (heads + 2 * keyHeads) * width], 2).attendedStep(
        cosine: tensor([angleRows, 1, 4, width], 3), sine: tensor([angleRows, 1, 4, width], 4), cache: cache,
        mask: isMasked ? mask : nil, step: step, slot: slot, heads: heads)
      #expect(found.shape == [rows, heads * width])
      return (try found.floats(), try cache.floats())
    }
    let (single, double) = (try run(.float32), try run(.float64))
    #expect(zip(single.found, double.found).allSatisfy { abs($0 - $1) < 1e-5 })
    #expect(zip(single.cache, double.cache).allSatisfy { abs($0 - $1) < 1e-6 })
  }

  @Test("shapes that do not fit are refused")
  func refusals() throws {
    let cache = try Tensor.zeros([2, 3, 2, 5, 4])
    let angles = try Tensor.zeros([1, 1, 5, 4])
    let fits = try Tensor.zeros([3, 24])
    _ = try fits.attendedStep(cosine: angles, sine: angles, cache: cache, mask: nil, step: 4, slot: 4, heads: 2)
    #expect(throws: TorchError.self) {
      try fits.attendedStep(cosine: angles, sine: angles, cache: cache, mask: nil, step: 4, slot: 5, heads: 2)
    }
    #expect(throws: TorchError.self) {
      try fits.attendedStep(cosine: angles, sine: angles, cache: cache, mask: nil, step: 5, slot: 4, heads: 2)
    }
    #expect(throws: TorchError.self) {
      try fits.attendedStep(cosine: angles, sine: angles, cache: cache, mask: nil, step: 0, slot: 0, heads: 4)
    }
    #expect(throws: TorchError.self) {
      try fits.attendedStep(cosine: angles, sine: angles, cache: cache, mask: angles, step: 0, slot: 0, heads: 2)
    }
  }
}
