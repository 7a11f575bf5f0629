import Settings
import Testing
import Torch
import TrustGRPO
import VisionLanguage

@testable import Engines

@Suite(.serialized) struct TrustGRPOTrainerTests {
  /// Samples of `trainingGroups` have importance weights on both sides of this cap.
  private let algorithm = TrustGRPOSettings(importanceCap: 1.2, klCoefficient: 0.04)

  private func trainer(
    policy: Qwen25VL? = nil, referenceSeed: UInt64 = 2, _ change: (inout TrustGRPOTrainerSettings) -> Void = { _ in }
  ) throws -> TrustGRPOTrainer {
    var settings = TrustGRPOTrainerSettings()
    settings.learningRate = 1e-3
    change(&settings)
    return try TrustGRPOTrainer(
      policy: policy ?? trainableModel(), reference: trainableModel(seed: referenceSeed), algorithm: algorithm,
      settings: settings)
  }

  @Test(
    "loss, metrics and derivatives by log-probability are those of the pure reference, coupled and decoupled",
    arguments: [0, 0.04, 1.5], [nil, 0.7, 2])
  func likeReference(beta: Double, cap: Double?) throws {
    var draws = Draws(3)
    let lengths = [3, 1, 5, 4]
    let rows = lengths.map { length in
      ResponseTokens(
        policy: (0..<length).map { _ in draws.next() - 2 }, behaviour: (0..<length).map { _ in draws.next() - 2 },
        proximal: cap.map { _ in (0..<length).map { _ in draws.next() - 2 } },
        reference: (0..<length).map { _ in draws.next() - 2 }, advantage: draws.next() * 2)
    }
    let settings = TrustGRPOSettings(clipLow: 0.2, clipHigh: 0.28, importanceCap: cap ?? 1, klCoefficient: beta)
    let expected = try referenceLoss(rows, settings: settings)

    func padded(_ values: (ResponseTokens) -> [Double]) throws -> Tensor {
      try Tensor(rows.flatMap { values($0) + [Double](repeating: 0, count: 5 - $0.policy.count) }, shape: [2, 2, 5])
    }
    let policy = try padded(\.policy).setRequiresGradient()
    let mask = try padded { $0.policy.map { _ in 1 } }
    let sums = try TrustGRPOLoss(clipLow: 0.2, clipHigh: 0.28, klCoefficient: beta, importanceCap: cap).sums(
      policy: policy, entropies: mask, behaviour: padded(\.behaviour),
      proximal: cap.map { _ in try padded { $0.proximal ?? [] } }, reference: padded(\.reference),
      advantages: padded { row in row.policy.map { _ in row.advantage } }, mask: mask)
    let tokens = Double(lengths.reduce(0, +))
    try (sums.loss * (1 / tokens)).backward()
    let gradient: [Double] = try #require(policy.gradient).values()
    let wanted = expected.gradient.flatMap { $0 + [Double](repeating: 0, count: 5 - $0.count) }
    #expect(zip(gradient, wanted).allSatisfy { abs($0 - $1) < 1e-12 })
    let metrics: [Double] = try sums.metrics.values().map { $0 / tokens }
    #expect(try abs(sums.loss.item() / tokens - expected.loss) < 1e-12)
    #expect(abs(metrics[0] - expected.meanKL) < 1e-12)
    #expect(abs(metrics[1] - expected.clipFraction) < 1e-12 && expected.clipFraction > 0)
    let ratios = rows.flatMap { zip($0.policy, $0.proximal ?? $0.behaviour).map { Double.exp($0 - $1) } }
    #expect(abs(metrics[2] - ratios.reduce(0, +) / tokens) < 1e-12)
    #expect(metrics[3] == 1)
    guard cap != nil else {
      #expect(metrics.count == 4)
      return
    }
    #expect(abs(metrics[4] - expected.meanImportanceWeight) < 1e-12)
    #expect(abs(metrics[5] - expected.truncatedFraction) < 1e-12)
    #expect(expected.truncatedFraction > 0 && expected.truncatedFraction < 1)
  }

  @Test("the coupled objective is the clipped surrogate as printed, to the bit")
  func coupledBits() throws {
    var draws = Draws(11)
    func values() throws -> Tensor { try Tensor((0..<24).map { _ in Float(draws.next() - 1) }, shape: [2, 3, 4]) }
    let policy = try values().setRequiresGradient()
    let (behaviour, reference, advantages, mask) = (try values(), try values(), try values(), try Tensor.ones([2, 3, 4]))
    let sums = try TrustGRPOLoss(clipLow: 0.2, clipHigh: 0.2, klCoefficient: 0.04).sums(
      policy: policy, entropies: mask, behaviour: behaviour, proximal: nil, reference: reference, advantages: advantages,
      mask: mask)
    let ratio = try (policy - behaviour).exp()
    let d = try reference - policy
    let printed = try -(ratio * advantages).minimum(ratio.clamped(0.8, 1.2) * advantages).sum() + (d.exp() - d - 1).sum() * 0.04
    #expect(try sums.loss.item() == printed.item())
    let found: [[Float]] = try sums.loss.gradients([policy]).map { try $0.floats() }
    #expect(try found == printed.gradients([policy]).map { try $0.floats() })
  }

  @Test("samples that the policy took itself are trained alike by both objectives")
  func freshSamples() throws {
    func gradient(_ objective: TrustGRPOObjective) throws -> [[Float]] {
      let trainer = try trainer { $0.objective = objective }
      var metrics = TrustGRPOMetrics()
      try trainer.accumulateGradients(trainingGroups(2, like: trainer.policy, spread: 0), 0..<2, .init(), &metrics)
      return try gradients(of: trainer.policy)
    }
    #expect(try distance(gradient(.decoupled), gradient(.coupled)) < 1e-4)
  }

  @Test("before several optimiser steps the proximal policy is that of the start, for all of them")
  func proximalPolicy() throws {
    func made() throws -> TrustGRPOTrainer {
      try trainer {
        $0.objective = .decoupled
        $0.globalBatchSize = 4
        $0.learningRate = 1e-2
      }
    }
    let (whole, part) = (try made(), try made())
    let groups = try trainingGroups(2, like: whole.policy)
    let start = try logProbabilities(groups, of: whole.policy)
    let reference = try #require(part.reference)
    let metrics = try whole.train(groups, step: 1)

    // The first update alone leaves the policy that the second one sees.
    let first = try part.train([groups[0]], step: 1)
    let second = try referenceLoss(
      referenceInputs([groups[1]], policy: part.policy, reference: reference, proximal: [start[1]]), settings: algorithm)
    func mean(_ a: Double, _ b: Double) -> Double {
      (a * Double(groups[0].tokenCount) + b * Double(groups[1].tokenCount)) / Double(metrics.tokens)
    }
    #expect(metrics.optimizerSteps == 2)
    #expect(abs(metrics.loss - mean(first.loss, second.loss)) < 1e-4)
    #expect(abs(metrics.clipFraction - mean(first.clipFraction, second.clipFraction)) < 1e-6)
    let (found, before) = (try #require(metrics.importance), try #require(first.importance))
    #expect(abs(found.meanWeight - mean(before.meanWeight, second.meanImportanceWeight)) < 1e-4)
    #expect(abs(found.truncatedFraction - mean(before.truncatedFraction, second.truncatedFraction)) < 1e-6)
    #expect(found.truncatedFraction > 0 && found.truncatedFraction < 1)
    // Were the proximal policy that of each update, no ratio would leave 1.
    #expect(abs(metrics.meanRatio - 1) > 1e-3)
  }

  @Test("a run trains the decoupled objective exactly if its samples may lag behind", arguments: [(0, TrustGRPOObjective.coupled), (1, .decoupled), (4, .decoupled)])
  func objectiveOfRun(staleness: Int, objective: TrustGRPOObjective) {
    var settings = RunSettings()
    settings.rollout.staleness = staleness
    #expect(settings.trainer.objective == objective)
  }

  @Test(
    "the gradient of the parameters is the reference's derivatives carried through the model",
    arguments: [TrustGRPOObjective.coupled, .decoupled])
  func chainRule(objective: TrustGRPOObjective) throws {
    let trainer = try trainer {
      $0.microBatchGroups = 2
      $0.objective = objective
    }
    let policy = trainer.policy
    let reference = try #require(trainer.reference)
    let groups = try trainingGroups(3, like: policy)
    var metrics = TrustGRPOMetrics()
    try trainer.accumulateGradients(groups, 0..<3, .init(), &metrics)
    let found = try gradients(of: policy)

    let proximal = objective == .decoupled ? try logProbabilities(groups, of: policy) : nil
    let expected = try referenceLoss(
      referenceInputs(groups, policy: policy, reference: reference, proximal: proximal), settings: algorithm)
    trainer.optimizer.clearGradients()
    let batch = try Continuations(groups.map { $0.responses.map(\.tokens) })
    let slopes = expected.gradient.flatMap {
      $0.map(Float.init) + [Float](repeating: 0, count: batch.paddedLength - $0.count)
    }
    let logProbabilities = try policy.logProbabilities(after: policy.encode(groups.map(\.prompt)), batch).logProbabilities
    try (logProbabilities * Tensor(slopes, shape: logProbabilities.shape)).sum().backward()
    #expect(try distance(found, gradients(of: policy)) < 1e-4)
    #expect(abs(metrics.loss / Double(metrics.tokens) - expected.loss) < 1e-5)
    #expect(abs(metrics.kl / Double(metrics.tokens) - expected.meanKL) < 1e-5)
    let decided = objective == .coupled ? expected.clipFraction : expected.truncatedFraction
    #expect(decided > 0 && decided < 1)
  }

  @Test(
    "the gradient agrees with finite differences of the pure reference's loss, image included",
    arguments: [TrustGRPOObjective.coupled, .decoupled])
  func finiteDifferences(objective: TrustGRPOObjective) throws {
    let trainer = try trainer { $0.objective = objective }
    let policy = trainer.policy
    let reference = try #require(trainer.reference)
    // Small steps of the policy must not carry a ratio over a clip bound.
    let groups = try trainingGroups(2, like: policy, spread: objective == .coupled ? 0.1 : 0.5)
    let proximal = objective == .decoupled ? try logProbabilities(groups, of: policy) : nil
    var metrics = TrustGRPOMetrics()
    try trainer.accumulateGradients(groups, 0..<2, .init(), &metrics)
    func loss() throws -> Double {
      try referenceLoss(
        referenceInputs(groups, policy: policy, reference: reference, proximal: proximal), settings: algorithm
      ).loss
    }
    // Along its own gradient, the loss of each tensor rises by the gradient's square a unit.
    for parameter in policy.parameters.trained where parameter.tensor.rank > 1 {
      let gradient = try #require(parameter.tensor.gradient)
      let norm = try (gradient * gradient).sum().item().squareRoot()
      guard norm > 1e-4 else { continue }
      let h = 0.005
      func shifted(_ by: Double) throws -> Double {
        try withoutGradient { try parameter.tensor.addInPlace(gradient, scale: by / norm) }
        defer { try? withoutGradient { try parameter.tensor.addInPlace(gradient, scale: -by / norm) } }
        return try loss()
      }
      let slope = try (shifted(h) - shifted(-h)) / (2 * h)
      #expect(abs(slope - norm) < 0.03 * norm + 1e-4, "\(parameter.name): \(slope) is not \(norm)")
    }
    let isVisionTrained = try policy.parameters.trained.contains {
      try $0.name.hasPrefix("visual.") && $0.tensor.gradient?.abs().sum().item() ?? 0 > 0
    }
    #expect(isVisionTrained)
  }

  @Test(
    "the same groups, weights and threads give the same bits",
    arguments: [(TrustGRPOObjective.coupled, nil), (.decoupled, nil), (.decoupled, 8)] as [(TrustGRPOObjective, Int?)])
  func sameBits(objective: TrustGRPOObjective, globalBatchSize: Int?) throws {
    func run() throws -> ([UInt8], [TrustGRPOMetrics]) {
      let trainer = try trainer {
        $0.microBatchGroups = 2
        $0.objective = objective
        $0.globalBatchSize = globalBatchSize
      }
      let groups = try trainingGroups(4, like: trainer.policy)
      var metrics = try (1...3).map { try trainer.train(groups, step: $0) }
      for index in metrics.indices { (metrics[index].seconds, metrics[index].referenceSeconds) = (0, 0) }
      return (try trainer.policy.parameters.export(), metrics)
    }
    let (first, second) = (try run(), try run())
    #expect(first.0 == second.0)
    #expect(first.1 == second.1)
  }

  @Test("micro-batches change what is in memory, not the gradient", arguments: [1, 2, 3])
  func microBatches(size: Int) throws {
    func run(_ size: Int) throws -> [[Float]] {
      let trainer = try trainer { $0.microBatchGroups = size }
      var metrics = TrustGRPOMetrics()
      try trainer.accumulateGradients(trainingGroups(5, like: trainer.policy), 0..<5, .init(), &metrics)
      return try gradients(of: trainer.policy)
    }
    #expect(try distance(run(size), run(16)) < 1e-4)
  }

  @Test("reference log-probabilities that are known already give the same update")
  func knownReference() throws {
    func run(isKnown: Bool) throws -> [UInt8] {
      let trainer = try trainer()
      let groups = try trainingGroups(3, like: trainer.policy)
      let known = try PolicyScoring.score(
        trainableModel(seed: 2), prompts: groups.map(\.prompt), responses: groups.map { $0.responses.map(\.tokens) })
      _ = try trainer.train(groups, step: 1, referenceLogProbabilities: isKnown ? known.logProbabilities : nil)
      return try trainer.policy.parameters.export()
    }
    #expect(try run(isKnown: true) == run(isKnown: false))
  }

  @Test("a policy that has not moved has ratio 1 and no divergence from itself")
  func atRest() throws {
    let trainer = try trainer(referenceSeed: 1)
    let groups = try trainingGroups(2, like: trainer.policy, spread: 0)
    let metrics = try trainer.train(groups, step: 1)
    #expect(abs(metrics.meanRatio - 1) < 1e-5 && abs(metrics.kl) < 1e-6 && metrics.clipFraction == 0)
    #expect(metrics.entropy > 1 && metrics.entropy <= 60.0.logarithm + 1e-4)
    #expect(metrics.tokens == groups.reduce(0) { $0 + $1.tokenCount } && metrics.optimizerSteps == 1)
  }

  @Test("training raises the probability of what was better than its group, and lowers the rest")
  func learns() throws {
    let trainer = try trainer(referenceSeed: 1)
    var groups = try trainingGroups(2, samples: 2, like: trainer.policy, spread: 0)
    for index in groups.indices {
      groups[index].responses[0].advantage = 1
      groups[index].responses[1].advantage = -1
    }
    func means() throws -> [Float] {
      try PolicyScoring.score(
        trainer.policy, prompts: groups.map(\.prompt), responses: groups.map { $0.responses.map(\.tokens) }
      ).logProbabilities.flatMap { $0.map { $0.reduce(0, +) / Float($0.count) } }
    }
    let before = try means()
    for step in 1...3 { _ = try trainer.train(groups, step: step) }
    let change = try zip(means(), before).map { $0 - $1 }
    #expect(change[0] > 0 && change[1] < 0 && change[2] > 0 && change[3] < 0, "\(change)")
  }

  @Test("a batch may be split into several optimiser steps", arguments: [(nil, 1), (8, 2), (4, 4), (5, 4), (12, 2), (1, 4)])
  func globalBatch(size: Int?, steps: Int) throws {
    let trainer = try trainer { $0.globalBatchSize = size }
    let metrics = try trainer.train(trainingGroups(4, like: trainer.policy), step: 1)
    #expect(metrics.optimizerSteps == steps)
    #expect(try trainer.optimizer.steps[0].item() == Double(steps))
  }

  @Test("the learning rate rises over the warm-up", arguments: [(1, 0.25e-3), (2, 0.5e-3), (4, 1e-3), (9, 1e-3)])
  func warmup(step: Int, rate: Double) throws {
    let trainer = try trainer { $0.warmupSteps = 4 }
    #expect(try trainer.train(trainingGroups(1, like: trainer.policy), step: step).learningRate == rate)
  }

  @Test("a frozen vision tower stays as it is")
  func frozen() throws {
    let trainer = try trainer { $0.freezesVisionTower = true }
    func bytes(_ isVision: Bool) throws -> [[Float]] {
      try trainer.policy.parameters.named.filter { $0.name.hasPrefix("visual.") == isVision }.map { try $0.tensor().floats() }
    }
    let (vision, language) = (try bytes(true), try bytes(false))
    _ = try trainer.train(trainingGroups(1, like: trainer.policy), step: 1)
    #expect(try bytes(true) == vision)
    #expect(try bytes(false) != language)
  }

  @Test("groups that no policy can have sampled are refused, and the weights stay")
  func refused() throws {
    let trainer = try trainer()
    let good = try trainingGroups(1, like: trainer.policy)
    let before = try trainer.policy.parameters.export()
    func expectRefusal(_ change: (inout TrainingGroup) -> Void) {
      var group = good[0]
      change(&group)
      #expect(throws: TrainingError.self) { try trainer.train([group], step: 1) }
    }
    expectRefusal { $0.responses[0].tokens.append(1) }
    expectRefusal { ($0.responses[0].tokens, $0.responses[0].behaviourLogProbabilities) = ([], []) }
    expectRefusal { $0.responses[0].behaviourLogProbabilities[0] = .nan }
    expectRefusal { $0.responses[0].behaviourLogProbabilities[0] = 0.5 }
    expectRefusal { $0.responses[0].advantage = .infinity }
    #expect(throws: TrainingError.self) { try trainer.train([], step: 1) }
    #expect(try trainer.policy.parameters.export() == before)
  }

  @Test("a step whose gradient is no number is not taken")
  func notFinite() throws {
    let trainer = try trainer()
    var groups = try trainingGroups(1, like: trainer.policy)
    // Finite, but its ratio is beyond what a float holds.
    groups[0].responses[0].behaviourLogProbabilities[0] = -1e4
    groups[0].responses[0].advantage = -1
    let before = try trainer.policy.parameters.export()
    let error = #expect(throws: TrainingError.self) { try trainer.train(groups, step: 1) }
    #expect(error?.code == "training.not-finite")
    #expect(try trainer.policy.parameters.export() == before)
  }
}

extension Double {
  fileprivate static func exp(_ x: Double) -> Double { (try? Tensor(scalar: x, .float64).exp().item()) ?? .nan }
  fileprivate var logarithm: Double { (try? Tensor(scalar: self, .float64).log().item()) ?? .nan }
}
