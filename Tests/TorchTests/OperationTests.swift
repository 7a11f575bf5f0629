import Testing

@testable import Torch

/// An operation that must be refused.
struct Refusal: Sendable, CustomTestStringConvertible {
  let operation: String
  let body: @Sendable () throws -> Tensor
  var testDescription: String { operation }

  init(_ operation: String, _ body: @escaping @Sendable () throws -> Tensor) {
    self.operation = operation
    self.body = body
  }
}

@Suite struct OperationTests {
  @Test("a tensor gives back the numbers, shape and dtype it was made of")
  func roundTrip() throws {
    let a = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    #expect(a.shape == [2, 3] && a.rank == 2 && a.count == 6 && a.dtype == .float32 && a.device == .cpu)
    #expect(a.size(-1) == 3 && a.size(0) == 2 && a.size(5) == 1)
    #expect(try a.floats() == [1, 2, 3, 4, 5, 6])
    #expect(try a.transposed(0, 1).floats() == [1, 4, 2, 5, 3, 6])
    #expect(try Tensor([true, false]).values(as: Int.self) == [1, 0])
    #expect(try Tensor([7] as [Int32]).item() == 7)
  }

  @Test("an error names the operation and the shapes of its operands")
  func errorsCarryShapes() throws {
    let a = try Tensor.zeros([2, 3])
    let b = try Tensor.zeros([4, 5], .int64)
    let error = #expect(throws: TorchError.self) { try a.matmul(b) }
    #expect(error?.code == "torch.matmul")
    #expect(error?.message.hasPrefix("matmul(float32[2, 3], int64[4, 5]): ") == true)
    #expect(error?.message.contains("\n") == false)
  }

  @Test(
    "an operation that cannot be done throws and does not stop the process",
    arguments: [
      Refusal("reshape", { try Tensor.zeros([6]).reshaped([4, 2]) }),
      Refusal("cat", { try Tensor.concatenated([Tensor.zeros([2, 2]), Tensor.zeros([3, 3])], 0) }),
      Refusal("embedding", { try Tensor.zeros([4, 2]).embedding(Tensor([4])) }),
      Refusal("index_select", { try Tensor.zeros([4]).indexSelected(0, Tensor([-1])) }),
      Refusal("narrow", { try Tensor.zeros([4]).narrowed(0, start: 3, length: 2) }),
      Refusal("rms_norm", { try Tensor.zeros([2, 3]).rmsNorm(Tensor.ones([4]), epsilon: 1e-6) }),
      Refusal("rotate", { try Tensor.zeros([2, 3]).rotated(cosine: Tensor.ones([3]), sine: Tensor.ones([3])) }),
      Refusal("swiglu", { try Tensor.zeros([2, 3]).swiGLU() }),
      Refusal("backward", { let a = try Tensor.zeros([]); try a.backward(); return a }),
      Refusal("from_bytes", { try Tensor([1, 2, 3] as [Float], shape: [2, 2]) }),
      Refusal("empty", { try Tensor.empty([-1]) }),
      Refusal("item", { try Tensor(scalar: Tensor.zeros([2]).item()) }),
    ])
  func refusals(_ refusal: Refusal) throws {
    let error = #expect(throws: TorchError.self) { try refusal.body() }
    #expect(error?.code == "torch.\(refusal.operation)")
  }

  @Test("more memory than there is throws")
  func outOfMemory() {
    #expect(throws: TorchError.self) { try Tensor.empty([1 << 46]) }
  }

  @Test("elementwise operations, by hand")
  func elementwise() throws {
    let a = try Tensor([-2, 0.5, 3] as [Double])
    let b = try Tensor([4, 2, -1] as [Double])
    #expect(try (a + b).values() == [2, 2.5, 2.0])
    #expect(try (a - b).values() == [-6, -1.5, 4.0])
    #expect(try (a * b).values() == [-8, 1, -3.0])
    #expect(try (a / b).values() == [-0.5, 0.25, -3.0])
    #expect(try (-a * 2 + 1).values() == [5, 0, -5.0])
    #expect(try a.clamped(-1, 1).values() == [-1, 0.5, 1.0])
    #expect(try a.minimum(b).values() == [-2, 0.5, -1.0])
    #expect(try a.maximum(b).values() == [4, 2, 3.0])
    #expect(try a.abs().sqrt().power(2).values().map { ($0 * 1e9).rounded() / 1e9 } == [2, 0.5, 3.0])
    #expect(try a.less(b).values() == [true, true, false])
    #expect(try a.greater(0).logicalAnd(b.greater(0)).values() == [false, true, false])
    #expect(try a.selected(where: a.greater(0), else: b).values() == [4, 0.5, 3.0])
    #expect(try a.maskedFill(a.less(0), 9).values() == [9, 0.5, 3.0])
    #expect(try Tensor([3, 4]).equals(4).values() == [false, true])
    #expect(try (Tensor([3, 4]) * 2).dtype == .int64)
  }

  @Test("shapes and indices, by hand")
  func shapes() throws {
    let a = try Tensor([0, 1, 2, 3, 4, 5], shape: [2, 3])
    #expect(try a.permuted([1, 0]).values() == [0, 3, 1, 4, 2, 5])
    #expect(try a.narrowed(1, start: 1, length: 2).values() == [1, 2, 4, 5])
    #expect(try a.sliced(1, 0, 3, step: 2).values() == [0, 2, 3, 5])
    #expect(try a.selected(0, -1).values() == [3, 4, 5])
    #expect(try Tensor.concatenated([a, a], 1).shape == [2, 6])
    #expect(try Tensor.stacked([a, a], 0).shape == [2, 2, 3])
    #expect(try a.split([1, 2], 1).map { try $0.values(as: Int.self) } == [[0, 3], [1, 2, 4, 5]])
    #expect(try a.indexSelected(1, Tensor([2, 0])).values() == [2, 0, 5, 3])
    #expect(try a.gathered(1, Tensor([2, 0], shape: [2, 1])).values() == [2, 3])
    #expect(try a.indexCopied(0, Tensor([1]), Tensor([7, 8, 9], shape: [1, 3])).values() == [0, 1, 2, 7, 8, 9])
    #expect(try a.indexAdded(0, Tensor([0, 0]), a).values() == [3, 6, 9, 3, 4, 5])
    #expect(try a.unsqueezed(1).expanded([2, 2, 3]).flattened(0, 1).shape == [4, 3])
    #expect(try a.repeatedInterleaved(2, 0).values() == [0, 1, 2, 0, 1, 2, 3, 4, 5, 3, 4, 5])
    #expect(try Tensor([1, 0]).oneHot(2).values() == [0, 1, 1, 0])
    #expect(try Tensor.ones([2, 2]).lowerTriangle().values() == [1, 0, 1, 1 as Float])
    let order = try Tensor([3, 1, 2]).sorted(0, descending: true)
    #expect(try order.values.values() == [3, 2, 1] && order.indices.values() == [0, 2, 1])
    #expect(try Tensor([3, 1, 2]).top(2, 0).indices.values() == [0, 2])
    #expect(try a.sum(0).values() == [3, 5, 7] && a.sum().item() == 15)
    #expect(try a.cumulativeSum(1).values() == [0, 1, 3, 3, 7, 12])
    #expect(try a.argmax(1).values() == [2, 2] && a.amax(0).values() == [3, 4, 5])
  }

  @Test("an operation in place changes every view of the same memory")
  func inPlace() throws {
    let a = try Tensor.zeros([2, 3])
    try a.selected(0, 1).copyInPlace(Tensor.ones([3]))
    try a.addInPlace(Tensor.ones([2, 3]), scale: 2)
    #expect(try a.floats() == [2, 2, 2, 3, 3, 3])
    try a.indexCopyInPlace(0, Tensor([0]), Tensor.zeros([1, 3]))
    #expect(try a.floats() == [0, 0, 0, 3, 3, 3])
  }

  @Test("attention with grouped heads and a mask is softmax(q k / sqrt(width)) v")
  func attention() throws {
    let (q, k, v) = (try tensor([2, 4, 3, 6], seed: 1), try tensor([2, 2, 5, 6], seed: 2), try tensor([2, 2, 5, 6], seed: 3))
    let mask = try Tensor((0..<15).map { $0 % 5 <= $0 / 5 + 1 }, shape: [1, 1, 3, 5])
    let found = try q.attention(k, v, mask: mask, groupedQueries: true)
    let keys = try k.repeatedInterleaved(2, 1)
    let scores = try (q.matmul(keys.transposed(2, 3)) / 6.0.squareRoot()).maskedFill(mask.logicalNot(), -.infinity)
    let expected = try scores.softmax(-1).matmul(v.repeatedInterleaved(2, 1))
    #expect(try isClose(found.values(), expected.values()))
  }

  @Test(
    "devices are read by name",
    arguments: [("cpu", Device.cpu), ("cuda", .cuda(0)), ("cuda:1", .cuda(1)), ("tpu", nil), ("cuda:", nil), ("cuda:-1", nil), ("cuda:x", nil), ("", nil)]
      as [(String, Device?)])
  func devices(_ name: String, _ expected: Device?) {
    #expect((try? Device(name)) == expected)
  }

  @Test("a CUDA device that is not there is refused with what to do")
  func noCUDA() throws {
    guard (try? TorchRuntime.cudaDeviceCount()) == nil else { return }
    let error = #expect(throws: TorchError.self) { try Tensor.zeros([1], on: .cuda(0)) }
    #expect(error?.code == "torch.no-cuda" && error?.advice.contains("cpu") == true)
  }
}
