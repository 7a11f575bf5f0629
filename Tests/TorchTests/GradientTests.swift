import Testing

@testable import Torch

/// Central differences of `function` at `x`, one element after the other.
private func differences(_ x: Tensor, _ function: (Tensor) throws -> Tensor) throws -> [Double] {
  let values: [Double] = try x.values()
  let h = 1e-5
  return try values.indices.map { index in
    func at(_ shift: Double) throws -> Double {
      var moved = values
      moved[index] += shift
      return try function(Tensor(moved, shape: x.shape)).item()
    }
    return try (at(h) - at(-h)) / (2 * h)
  }
}

/// A scalar of which every element counts differently.
private func mixed(_ y: Tensor) throws -> Tensor { try (y * tensor(y.shape, seed: 99)).sum() }

/// A scalar function of a [4, 3, 6].
struct Function: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let body: @Sendable (Tensor) throws -> Tensor

  init(_ name: String, _ body: @escaping @Sendable (Tensor) throws -> Tensor) {
    testDescription = name
    self.body = body
  }
}

@Suite struct GradientTests {
  @Test(
    "gradients agree with finite differences",
    arguments: [
      Function("norm", { try mixed($0.rmsNorm(tensor([6], seed: 2), epsilon: 1e-6)) }),
      Function("norm's weight", { try mixed(tensor([4, 3, 6], seed: 2).rmsNorm($0.reshaped([-1]).narrowed(0, start: 0, length: 6), epsilon: 1e-6)) }),
      Function("norm of a view", { try mixed($0.transposed(0, 1).rmsNorm(tensor([6], seed: 2), epsilon: 1e-6)) }),
      Function("rotation", {
        try mixed($0.unsqueezed(0).rotated(cosine: tensor([3, 6], seed: 3), sine: tensor([3, 6], seed: 4)))
      }),
      Function("rotation of a view", {
        try mixed($0.unsqueezed(1).transposed(0, 1).transposed(1, 2).rotated(
          cosine: tensor([1, 1, 4, 6], seed: 3), sine: tensor([1, 1, 4, 6], seed: 4)))
      }),
      Function("gated unit", { try mixed($0.swiGLU()) }),
      Function("log-probabilities, hidden", {
        try mixed($0.reshaped([12, 6]).logProbabilities(
          of: Tensor((0..<12).map { $0 % 7 }), head: tensor([7, 6], seed: 5)).logProbabilities)
      }),
      Function("log-probabilities, head", {
        try mixed(tensor([5, 6], seed: 5).logProbabilities(
          of: Tensor([0, 3, 11, 3, 7]), head: $0.reshaped([12, 6])).logProbabilities)
      }),
      Function("attention", { try mixed($0.unsqueezed(0).attention($0.unsqueezed(0) * 2, $0.unsqueezed(0) + 1, isCausal: true)) }),
      Function("linear and gelu", { try mixed($0.linear(tensor([2, 6], seed: 6), tensor([2], seed: 7)).gelu()) }),
      Function("embedding", { try mixed($0.reshaped([12, 6]).embedding(Tensor([1, 1, 4], shape: [3, 1]))) }),
      Function("softmax", { try mixed($0.softmax(-1).log() + $0.logSumExp(1, keepingDimension: true)) }),
      Function("index copy", { try mixed(tensor([5, 3, 6], seed: 8).indexCopied(0, Tensor([4, 0, 2, 1]), $0)) }),
    ])
  func finiteDifferences(_ function: Function) throws {
    let x = try tensor([4, 3, 6]).setRequiresGradient()
    try function.body(x).backward()
    let gradient: [Double] = try #require(x.gradient).values()
    #expect(try isClose(gradient, differences(x.detached(), function.body), 1e-7))
  }

  @Test("the fused operations compute what their parts compute")
  func fused() throws {
    let x = try tensor([2, 3, 6])
    let weight = try tensor([6], seed: 2)
    let norm = try x / (x * x).mean(-1, keepingDimension: true).applying { try ($0 + 1e-6).sqrt() } * weight
    #expect(try isClose(x.rmsNorm(weight, epsilon: 1e-6).values(), norm.values()))
    #expect(try isClose(Tensor.concatenated([x, x * 3], -1).swiGLU().values(), (x.silu() * (x * 3)).values()))
    let head = try tensor([9, 6], seed: 3)
    let ids = try Tensor([0, 8, 4, 4, 2, 1])
    let found = try x.reshaped([6, 6]).logProbabilities(of: ids, head: head)
    let table = try x.reshaped([6, 6]).linear(head).logSoftmax(-1)
    #expect(try isClose(found.logProbabilities.values(), table.gathered(1, ids.unsqueezed(1)).values()))
    #expect(try isClose(found.entropies.values(), (-(table.exp() * table).sum(-1)).values()))
  }

  @Test("log-probabilities over a vocabulary too large for one table are those of libtorch's operations")
  func largeVocabulary() throws {
    let (rows, vocabulary) = (300, 60_001)
    func run(_ found: (Tensor, Tensor, Tensor) throws -> Tensor) throws -> [[Double]] {
      let hidden = try tensor([rows, 3]).cast(to: .float32).setRequiresGradient()
      let head = try tensor([vocabulary, 3], seed: 2).cast(to: .float32).setRequiresGradient()
      let ids = try Tensor((0..<rows).map { $0 * 199 })
      let values = try found(hidden, head, ids)
      try (values * tensor([rows], seed: 3).cast(to: .float32)).sum().backward()
      return try [values, #require(hidden.gradient), #require(head.gradient)].map { try $0.values() }
    }
    let inParts = try run { try $0.logProbabilities(of: $2, head: $1).logProbabilities }
    let whole = try run { try $0.linear($1).logSoftmax(-1).gathered(1, $2.unsqueezed(1)).squeezed(1) }
    for (a, b) in zip(inParts, whole) { #expect(isClose(a, b, 1e-4)) }
  }

  @Test("bfloat16 models give log-probabilities in single precision")
  func bfloat16() throws {
    let hidden = try tensor([4, 8]).cast(to: .bfloat16), head = try tensor([9, 8], seed: 2).cast(to: .bfloat16)
    let ids = try Tensor([0, 8, 3, 3])
    let found = try hidden.logProbabilities(of: ids, head: head).logProbabilities
    #expect(found.dtype == .float32)
    let table = try hidden.linear(head).cast(to: .float32).logSoftmax(-1).gathered(1, ids.unsqueezed(1))
    #expect(try isClose(found.values(), table.values(), 1e-6))
  }

  @Test("a gradient worked out by hand")
  func byHand() throws {
    // d/dx (3 x^2 + x) = 6 x + 1
    let x = try Tensor([2, -1] as [Double]).setRequiresGradient()
    try (x * x * 3 + x).sum().backward()
    #expect(try x.gradient?.values() == [13, -5.0])
    try (x * 10).sum().backward()
    #expect(try x.gradient?.values() == [23, 5.0])
    x.clearGradient()
    #expect(x.gradient == nil)
    let of = try (x * x).sum().gradients([x])
    #expect(try of[0].values() == [4, -2.0] && x.gradient == nil)
  }

  @Test("nothing is recorded inside withoutGradient, and recording goes on after it, thrown out of or not")
  func scopes() throws {
    let x = try Tensor.ones([2]).setRequiresGradient()
    let inside = try withoutGradient { try x * 2 }
    #expect(!inside.requiresGradient)
    #expect(throws: TorchError.self) { try withoutGradient { try x.reshaped([3]) } }
    #expect(try (x * 2).requiresGradient)
    #expect(try !x.detached().requiresGradient)
  }
}

extension Tensor {
  fileprivate func applying(_ body: (Tensor) throws -> Tensor) rethrows -> Tensor { try body(self) }
}
