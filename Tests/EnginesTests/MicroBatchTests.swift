import Testing
import Torch
import TrustGRPO
import VisionLanguage

@testable import Engines

@Suite("Micro-batches", .serialized) struct MicroBatchTests {
  private func group(prompt: Int, _ responses: [Int]) -> TrainingGroup {
    TrainingGroup(
      prompt: VisualPrompt(tokens: [Int32](repeating: 1, count: prompt)),
      responses: responses.map {
        .init(tokens: [Int32](repeating: 2, count: $0), behaviourLogProbabilities: [Float](repeating: -1, count: $0), advantage: Float($0))
      })
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let tokens: Int?
    let groups: Int
    /// Prompt length and response lengths of each micro-batch's groups.
    let expected: [[[Int]]]
  }

  @Test(
    "groups go together in order while they fit; one that does not is parted by responses",
    arguments: [
      Case(testDescription: "no bound", tokens: nil, groups: 16, expected: [[[10, 4, 2], [12, 4, 4], [5, 30, 8], [5, 1, 1]]]),
      Case(testDescription: "groups", tokens: nil, groups: 2, expected: [[[10, 4, 2], [12, 4, 4]], [[5, 30, 8], [5, 1, 1]]]),
      // Two prompts of 12 and four responses of 4 are 40.
      Case(testDescription: "just room", tokens: 40, groups: 16, expected: [[[10, 4, 2], [12, 4, 4]], [[5, 8]], [[5, 30]], [[5, 1, 1]]]),
      Case(testDescription: "one less", tokens: 39, groups: 16, expected: [[[10, 4, 2]], [[12, 4, 4]], [[5, 8]], [[5, 30]], [[5, 1, 1]]]),
      Case(
        testDescription: "nothing fits", tokens: 1, groups: 16,
        expected: [[[10, 2]], [[10, 4]], [[12, 4]], [[12, 4]], [[5, 8]], [[5, 30]], [[5, 1]], [[5, 1]]]),
    ])
  func cut(item: Case) {
    let groups = [group(prompt: 10, [4, 2]), group(prompt: 12, [4, 4]), group(prompt: 5, [30, 8]), group(prompt: 5, [1, 1])]
    let known = groups.map { $0.responses.map { [Float](repeating: -Float($0.tokens.count), count: $0.tokens.count) } }
    let cut = MicroBatchLimits(groups: item.groups, tokens: item.tokens)
      .cut(groups, known: KnownLogProbabilities(reference: known, proximal: nil))
    #expect(cut.map { $0.groups.map { [$0.prompt.tokens.count] + $0.responses.map(\.tokens.count) } } == item.expected)
    for batch in cut {
      #expect(batch.known.reference?.map { $0.map(\.count) } == batch.groups.map { $0.responses.map(\.tokens.count) })
      #expect(batch.known.proximal == nil)
    }
  }

  @Test("tokens are counted as a batch works on them")
  func workedOn() throws {
    let groups = [group(prompt: 10, [4, 200, 2]), group(prompt: 12, [4, 90, 4])]
    let batch = try TrainingBatch(groups[...], known: .init(), on: .cpu)
    let responses = batch.parts.reduce(0) {
      $0 + $1.continuations.groups * $1.continuations.samples * $1.continuations.paddedLength
    }
    #expect(batch.parts.count > 1 && TrainingBatch.workedOn(groups[...]) == 2 * 12 + responses)
  }

  @Test(
    "the gradient is that of one batch, whatever the budget", arguments: [1, 14, 20, 40, 90],
    [TrustGRPOObjective.coupled, .decoupled])
  func gradient(tokens: Int, objective: TrustGRPOObjective) throws {
    func run(_ tokens: Int?) throws -> (gradient: [[Float]], metrics: TrustGRPOMetrics) {
      var settings = TrustGRPOTrainerSettings()
      settings.microBatchTokens = tokens
      settings.objective = objective
      let trainer = try TrustGRPOTrainer(
        policy: trainableModel(), reference: trainableModel(seed: 2),
        algorithm: TrustGRPOSettings(importanceCap: 1.2, klCoefficient: 0.04), settings: settings)
      let groups = try trainingGroups(4, like: trainer.policy)
      let proximal = objective == .decoupled ? try logProbabilities(groups, of: trainableModel(seed: 3)) : nil
      var metrics = TrustGRPOMetrics()
      try trainer.accumulateGradients(groups, 0..<4, .init(proximal: proximal), &metrics)
      return (try gradients(of: trainer.policy), metrics)
    }
    let (found, whole) = (try run(tokens), try run(nil))
    #expect(distance(found.gradient, whole.gradient) < 1e-5)
    #expect(abs(found.metrics.loss - whole.metrics.loss) < 1e-5 * abs(whole.metrics.loss) + 1e-5)
    #expect(found.metrics.tokens == whole.metrics.tokens && abs(found.metrics.kl - whole.metrics.kl) < 1e-4)
  }

  @Test("a budget of nothing is refused")
  func refused() throws {
    var settings = TrustGRPOTrainerSettings()
    settings.microBatchTokens = 0
    #expect(throws: TrainingError.self) {
      try TrustGRPOTrainer(
        policy: trainableModel(), reference: trainableModel(), algorithm: TrustGRPOSettings(), settings: settings)
    }
  }
}
