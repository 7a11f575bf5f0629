import Foundation
import Testing

@testable import Torch

@Suite(.serialized) struct AdamWTests {
  private struct Fixture: Decodable {
    let start, end, averages, squares: [[Double]]
    let gradients: [[[Double]]]
    let rates, norms: [Double]
  }

  @Test("eight steps with clipped gradients are those of torch.optim.AdamW")
  func likePyTorch() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: fixture("adamw.json")))
    let expected = try JSONDecoder().decode(Fixture.self, from: data)
    let shapes = [[3, 4], [5]]
    let parameters = try zip(expected.start, shapes).map { try Tensor($0, shape: $1).setRequiresGradient() }
    let optimiser = try AdamW(parameters, betas: (0.9, 0.95), epsilon: 1e-6, weightDecay: 0.1)
    for (step, gradients) in expected.gradients.enumerated() {
      optimiser.clearGradients()
      for (parameter, gradient) in zip(parameters, gradients) {
        // The gradient of sum(p g) is g.
        try (parameter * Tensor(gradient, shape: parameter.shape)).sum().backward()
      }
      let norm = try optimiser.clipGradientNorm(10)
      #expect(isClose([norm], [expected.norms[step]]))
      try optimiser.step(learningRate: expected.rates[step])
    }
    for index in parameters.indices {
      #expect(try isClose(parameters[index].values(), expected.end[index]))
      #expect(try isClose(optimiser.averages[index].values(), expected.averages[index]))
      #expect(try isClose(optimiser.squares[index].values(), expected.squares[index]))
      #expect(try optimiser.steps[index].item() == 8)
    }
  }

  @Test("a parameter without a gradient stays as it is")
  func withoutGradientStays() throws {
    let (a, b) = (try Tensor.ones([2]).setRequiresGradient(), try Tensor.ones([2]).setRequiresGradient())
    let optimiser = try AdamW([a, b])
    try (a * 3).sum().backward()
    try optimiser.step(learningRate: 0.1)
    #expect(try b.floats() == [1, 1] && optimiser.steps[1].item() == 0)
    #expect(try a.floats() != [1, 1])
  }

  /// In a process of its own, where nothing else takes memory.
  @Test("resident memory is flat over 1,000 training steps")
  func noLeak() async {
    await #expect(processExitsWith: .success) {
      let inputs = try Tensor(numbers(64 * 16).map(Float.init), shape: [64, 16])
      let first = try Tensor(numbers(64 * 16, seed: 2).map(Float.init), shape: [64, 16]).setRequiresGradient()
      let second = try Tensor(numbers(32 * 16, seed: 3).map(Float.init), shape: [16, 32]).setRequiresGradient()
      let scale = try Tensor.ones([16]).setRequiresGradient()
      let optimiser = try AdamW([first, second, scale], weightDecay: 0)
      var losses: [Double] = []
      func train(_ steps: Int) throws {
        for _ in 0..<steps {
          optimiser.clearGradients()
          let hidden = try inputs.rmsNorm(scale, epsilon: 1e-6).linear(first).swiGLU()
          let wrong = try hidden.linear(second) - inputs
          let loss = try (wrong * wrong).mean()
          try loss.backward()
          _ = try optimiser.clipGradientNorm(1)
          try optimiser.step(learningRate: 1e-2)
          losses.append(try loss.item())
        }
      }
      try TorchRuntime.setThreads(1)
      try train(200)
      let before = try #require(TorchRuntime.residentBytes)
      try train(1000)
      let after = try #require(TorchRuntime.residentBytes)
      // A leak of one activation a step, 64 x 32 floats, would be 8 MB.
      try #require(after - before < 2 << 20, "grew by \(after - before) bytes")
      try #require(losses[1199] < losses[0] / 4)
    }
  }
}
