import Testing
import Torch

@testable import VisionLanguage

@Suite("Gradient checkpointing") struct GradientCheckpointingTests {
  /// Counts its calls, and tells when it is gone.
  private final class Part {
    var calls = 0
    let scale: Tensor
    let gone: () -> Void

    init(_ scale: Tensor, gone: @escaping () -> Void = {}) {
      self.scale = scale
      self.gone = gone
    }

    deinit { gone() }

    func callAsFunction(_ x: Tensor) throws -> [Tensor] {
      calls += 1
      return [try (x * scale).exp(), x]
    }
  }

  @Test("a part is run again in the backward pass, gives the same gradients, and is let go of then")
  func again() throws {
    let scale = try Tensor([0.5 as Float, -1, 2]).setRequiresGradient()
    let x = try Tensor([1 as Float, 2, 3]).setRequiresGradient()
    func gradients(_ body: (Tensor) throws -> [Tensor]) throws -> [[Float]] {
      for leaf in [x, scale] { leaf.clearGradient() }
      let found = try body(x * 2)
      try (found[0] * found[1]).sum().backward()
      return try [x, scale].map { try #require($0.gradient).floats() }
    }
    let expected = try gradients(Part(scale).callAsFunction)
    var (isGone, calls) = (false, 0)
    try {
      let part = Part(scale) { isGone = true }
      let found = try gradients { x in try recomputed([x], outputs: 2) { try part($0[0]) } }
      #expect(found == expected)
      calls = part.calls
    }()
    #expect(isGone && calls == 2)
    // A graph that nobody goes back through lets go of it too.
    isGone = false
    try {
      let part = Part(scale) { isGone = true }
      let found = try recomputed([x], outputs: 2) { try part($0[0]) }
      #expect(found.allSatisfy(\.requiresGradient) && part.calls == 1)
    }()
    #expect(isGone)
  }

  @Test("parameters of a part whose inputs need no gradient get theirs")
  func captured() throws {
    let scale = try Tensor([0.5 as Float, -1, 2]).setRequiresGradient()
    let found = try recomputed([Tensor([1 as Float, 2, 3])], outputs: 1) { [try $0[0] * scale] }
    try found[0].sum().backward()
    #expect(try #require(scale.gradient).floats() == [1, 2, 3])
  }

  @Test("without recording it is run once and keeps nothing")
  func noGradient() throws {
    let part = Part(try Tensor([2 as Float]).setRequiresGradient())
    let found = try withoutGradient { try recomputed([Tensor([1 as Float])], outputs: 2) { try part($0[0]) } }
    #expect(!found[0].requiresGradient && part.calls == 1)
  }

  @Test("what a part throws is thrown, in the backward pass as an error of that")
  func failures() throws {
    struct Failure: Error, CustomStringConvertible { let description = "the layer is broken" }
    let x = try Tensor([1 as Float]).setRequiresGradient()
    #expect(throws: Failure.self) { try recomputed([x], outputs: 1) { _ in throw Failure() } }
    // An operation's own error keeps its operands.
    let error = #expect(throws: TorchError.self) {
      try recomputed([x], outputs: 1) { [try $0[0].matmul(Tensor.zeros([3, 3]))] }
    }
    #expect(error?.message.contains("float32[3, 3]") == true)

    var isBroken = false
    let found = try recomputed([x], outputs: 1) { given in
      if isBroken { throw Failure() }
      return [try given[0] * 2]
    }
    isBroken = true
    let late = #expect(throws: TorchError.self) { try found[0].sum().backward() }
    #expect(late?.message.contains("the layer is broken") == true)
    #expect(x.gradient == nil)
    // The next pass is as if nothing had been.
    isBroken = false
    try recomputed([x], outputs: 1) { [try $0[0] * 3] }[0].sum().backward()
    #expect(try #require(x.gradient).floats() == [3])
  }

  @Test("derivatives for chosen inputs are refused: parameters would be left out")
  func chosenInputs() throws {
    let x = try Tensor([1 as Float]).setRequiresGradient()
    let found = try recomputed([x], outputs: 1) { [try $0[0] * 2] }[0].sum()
    let error = #expect(throws: TorchError.self) { try found.gradients([x]) }
    #expect(error?.message.contains("backward()") == true)
  }

  @Test(
    "a model has the same log-probabilities and gradients, bit for bit",
    arguments: [nil, LowRankSettings(rank: 2)], [false, true])
  func sameBits(adapters: LowRankSettings?, isTowerFrozen: Bool) throws {
    let prompts = [
      VisualPrompt(
        tokens: [392, 390, 390, 390, 390, 393, 5, 6, 7], images: [ModelFixtures.patches(2, 8, number: 1, elements: 1176)]),
      VisualPrompt(tokens: [4, 5, 6]),
    ]
    func run(_ isRecomputed: Bool) throws -> [[Float]?] {
      let model = try Qwen25VL(
        .tiny(vocabularySize: 400, tokens: ModelConfigurationTests.tokens), seed: 3, adapters: adapters)
      try model.parameters.setTrained { !isTowerFrozen || !$0.hasPrefix("visual.") }
      for adapter in model.parameters.named where adapter.isAdapter {
        try withoutGradient { try adapter.tensor().addInPlace(Tensor.ones(adapter.shape), scale: 0.01) }
      }
      model.recomputesLayers = isRecomputed
      let state = try model.encode(prompts)
      let parts = try [[[5, 6, 7], [8]], [[9, 1, 4, 7, 3], [8, 8]]].map { try Continuations([$0, $0]) }
      let found = try parts.map { try model.logProbabilities(after: state, $0).logProbabilities }
      try (found[0].sum() - found[1].sum() * 0.5).backward()
      return try found.map { try $0.floats() } + model.parameters.trained.map { try $0.tensor.gradient?.floats() }
    }
    let (found, expected) = (try run(true), try run(false))
    #expect(found == expected)
    #expect(expected.dropFirst(2).contains { $0?.contains { $0 != 0 } ?? false })
  }
}
