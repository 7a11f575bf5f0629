import Testing
import Torch

@testable import VisionLanguage

@Suite("A prompt shared by its continuations")
struct SharedPromptTests {
  /// Two prompts of different lengths with images, three continuations each of different lengths.
  static func batch(_ configuration: Qwen25VLConfiguration, _ cases: [ModelFixtures.Case]) -> ([VisualPrompt], [[[Int32]]]) {
    (
      [cases[2].prompt(for: configuration), cases[0].prompt(for: configuration)],
      [[[4, 9, 2, 30], [8], [17, 17]], [[1, 2], [3, 50, 6, 7, 8], [40, 41, 42]]]
    )
  }

  @Test("gives the log-probabilities and gradients of separate prompts", arguments: ModelFixtures.models)
  func separate(folder: String) throws {
    let model = try ModelFixtures.model(folder)
    let (prompts, responses) = try Self.batch(model.configuration, ModelFixtures.cases(of: folder))
    func gradients(_ loss: Tensor) throws -> [[Float]] {
      try loss.backward()
      return try model.parameters.trained.map { parameter in
        defer { parameter.tensor.clearGradient() }
        return try parameter.tensor.gradient?.floats() ?? []
      }
    }

    let together = try Continuations(responses)
    let shared = try model.logProbabilities(after: model.encode(prompts), together).logProbabilities
    let found = try together.unpadded(shared.floats())
    let sharedGradients = try gradients(shared.sum())

    var loss: Tensor?
    for (group, prompt) in prompts.enumerated() {
      for (sample, response) in responses[group].enumerated() {
        let alone = try model.logProbabilities(after: model.encode([prompt]), Continuations([[response]])).logProbabilities
        #expect(try largestDifference(found[group][sample], alone.floats()) < 1e-5)
        loss = try loss.map { try $0 + alone.sum() } ?? alone.sum()
      }
    }
    let separateGradients = try gradients(#require(loss))
    for (index, parameter) in model.parameters.trained.enumerated() {
      #expect(!separateGradients[index].isEmpty, "\(parameter.name) has no gradient")
      let scale = separateGradients[index].map(abs).max() ?? 0
      #expect(largestDifference(sharedGradients[index], separateGradients[index]) <= 1e-4 * max(scale, 1), "\(parameter.name)")
    }
  }

  @Test("the derivative by a weight of the patch embedding is that of finite differences")
  func finiteDifferences() throws {
    let model = try ModelFixtures.model("tied")
    let (prompts, responses) = try Self.batch(model.configuration, ModelFixtures.cases(of: "tied"))
    func loss() throws -> Tensor {
      try model.logProbabilities(after: model.encode(prompts), Continuations(responses)).logProbabilities.sum()
    }
    let weight = try #require(model.parameters.trained.first { $0.name == "visual.patch_embed.proj.weight" }).tensor
    try loss().backward()
    let gradient = try #require(weight.gradient).floats()
    let place = try #require(gradient.indices.max { abs(gradient[$0]) < abs(gradient[$1]) })
    func loss(movedBy step: Float) throws -> Double {
      try withoutGradient {
        var values = try weight.floats()
        let before = values[place]
        values[place] += step
        try weight.copyInPlace(Tensor(values, shape: weight.shape))
        defer { values[place] = before; try? weight.copyInPlace(Tensor(values, shape: weight.shape)) }
        return try loss().item()
      }
    }
    let difference = try (loss(movedBy: 1e-3) - loss(movedBy: -1e-3)) / 2e-3
    #expect(abs(difference - Double(gradient[place])) < 0.02 * abs(difference))
  }

  @Test("an input that does not fit is refused with the reason")
  func refusals() throws {
    let model = try ModelFixtures.model("tied")
    let elements = model.configuration.vision.patchElements
    let image = ModelFixtures.patches(2, 4, number: 0, elements: elements)
    func refusal(_ prompt: VisualPrompt) -> String {
      do {
        _ = try model.encode([prompt])
        return "accepted"
      } catch {
        return "\(error)"
      }
    }
    #expect(refusal(VisualPrompt(tokens: [1, 90, 90], images: [image])) == "accepted")
    #expect(refusal(VisualPrompt(tokens: [])).contains("empty"))
    #expect(refusal(VisualPrompt(tokens: [96])).contains("token 96"))
    #expect(refusal(VisualPrompt(tokens: [-1])).contains("token -1"))
    #expect(refusal(VisualPrompt(tokens: [1, 91])).contains("video"))
    #expect(refusal(VisualPrompt(tokens: [1, 90], images: [image])).contains("image 1"))
    #expect(refusal(VisualPrompt(tokens: [1, 90, 90])).contains("after its last image"))
    #expect(refusal(VisualPrompt(tokens: [1], images: [image])).contains("1 images"))
    #expect(refusal(VisualPrompt(tokens: [Int32](repeating: 1, count: 513))).contains("513"))
    let wrong = ImagePatches(values: Array(image.values.dropLast()), gridHeight: 2, gridWidth: 4, mergeSize: 2)
    #expect(refusal(VisualPrompt(tokens: [1, 90, 90], images: [wrong])).contains("2 x 4 patches"))
    #expect(throws: ModelError.self) { try Continuations([[[1]], [[1], [2]]]) }
    #expect(throws: ModelError.self) { try Continuations([[[]]]) }
  }
}
