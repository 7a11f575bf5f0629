internal import Foundation
internal import Rollout
internal import Torch
package import VisionLanguage

/// A prompt and the response to learn for it.
package struct SupervisedExample: Sendable {
  package var prompt: VisualPrompt
  /// Token ids, the stop token included.
  package var response: [Int32]
  /// Of `response`, the tokens that are learnt; the others are only read.
  package var learnt: Range<Int>

  /// - Parameter learnt: all of the response if nil.
  package init(prompt: VisualPrompt, response: [Int32], learnt: Range<Int>? = nil) {
    self.prompt = prompt
    self.response = response
    self.learnt = learnt ?? 0..<response.count
  }
}

/// How a model is trained on examples: AdamW with a cosine schedule after a short warm-up.
package struct SupervisedSettings: Sendable, Hashable {
  package var steps = 500
  package var rowsPerStep = 48
  /// At the end of the warm-up; falls to 0 along a cosine.
  package var learningRate = 3e-3
  package var warmupSteps = 20
  package var weightDecay = 0.01
  package var maximumGradientNorm = 1.0
  /// Of the order of the examples.
  package var seed: UInt64 = 0

  package init() {}

  /// - Parameter step: from 1.
  func learningRate(at step: Int) -> Double {
    if step <= warmupSteps { return learningRate * Double(step) / Double(warmupSteps) }
    let share = Double(step - warmupSteps) / Double(max(1, steps - warmupSteps))
    return learningRate * 0.5 * (1 + cos(share * .pi))
  }
}

/// Where supervised training stands, after a step.
package struct SupervisedProgress: Sendable, Hashable {
  /// From 1.
  package let step: Int
  package let steps: Int
  /// Mean over the step's learnt tokens of -log p, nats.
  package let loss: Double
  package let gradientNorm: Double
  package let learningRate: Double
  /// Since training began.
  package let seconds: Double
}

/// Trains a model on examples, maximising the log-probability of the learnt tokens.
package final class SupervisedTrainer {
  package let model: Qwen25VL
  package let settings: SupervisedSettings
  let optimizer: AdamW

  package init(_ model: Qwen25VL, _ settings: SupervisedSettings) throws {
    guard settings.steps > 0, settings.rowsPerStep > 0 else {
      throw TrainingError(
        code: "training.settings", message: "\(settings.steps) steps of \(settings.rowsPerStep) rows train nothing",
        advice: "give at least one of each")
    }
    self.model = model
    self.settings = settings
    optimizer = try AdamW(model.parameters.trained.map(\.tensor), weightDecay: settings.weightDecay)
  }

  /// The steps from `first` to the last. Every epoch sees the examples in another order, which depends on the seed alone, so
  /// that training that goes on from a saved step is training that never stopped.
  ///
  /// - Parameters:
  ///   - first: from 1; the model and the optimiser stand where the step before it left them.
  ///   - first: the step to begin with, after an interruption; the batches are those of an undisturbed training.
  ///   - count: of examples.
  ///   - example: asked for one when it is needed, each again in each epoch.
  ///   - shouldStop: asked between steps.
  /// - Throws: `CancellationError` if `shouldStop` says so; the model then stands as the last step left it.
  package func train(
    from first: Int = 1, count: Int, example: (Int) throws -> SupervisedExample, shouldStop: () -> Bool = { false },
    progress: (SupervisedProgress) -> Void = { _ in }
  ) throws {
    guard first >= 1, first <= settings.steps else { return }
    guard count > 0 else {
      throw TrainingError.batch("there is no row to train on", advice: "give at least one row with a response")
    }
    let started = ContinuousClock.now
    var order: (epoch: Int, rows: [UInt32]) = (-1, [])
    for step in first..<settings.steps + 1 {
      if shouldStop() { throw CancellationError() }
      let batch = try (0..<settings.rowsPerStep).map { row in
        let (epoch, place) = ((step - 1) * settings.rowsPerStep + row).quotientAndRemainder(dividingBy: count)
        if epoch != order.epoch {
          order = (epoch, shuffledOrder(count: count, seed: settings.seed, epoch: UInt32(truncatingIfNeeded: epoch)))
        }
        return try example(Int(order.rows[place]))
      }
      let rate = settings.learningRate(at: step)
      let (loss, norm) = try self.step(batch, learningRate: rate)
      progress(
        SupervisedProgress(
          step: step, steps: settings.steps, loss: loss, gradientNorm: norm, learningRate: rate,
          seconds: (ContinuousClock.now - started) / .seconds(1)))
    }
  }

  /// One step of the optimiser.
  ///
  /// - Returns: the mean loss over learnt tokens, nats, and the gradient's norm before clipping.
  func step(_ batch: [SupervisedExample], learningRate: Double) throws -> (loss: Double, gradientNorm: Double) {
    let learnt = batch.reduce(0) { $0 + $1.learnt.count }
    guard learnt > 0 else { throw TrainingError.batch("no row has a token to learn", advice: "give rows with responses") }
    // Rows of about one length are worked on together; rows of one length keep their order.
    let ordered = batch.enumerated().sorted {
      ($0.element.response.count, $0.offset) < ($1.element.response.count, $1.offset)
    }.map(\.element)
    optimizer.clearGradients()
    defer { optimizer.clearGradients() }
    var value = 0.0
    for part in lengthParts(ordered.map(\.response.count)) {
      let loss = try summedLoss(ordered[part]) * (1 / Double(learnt))
      try loss.backward()
      value += try loss.item()
    }
    let norm = try optimizer.clipGradientNorm(settings.maximumGradientNorm)
    guard value.isFinite, norm.isFinite else { throw TrainingError.notFinite("the loss or the gradient") }
    try optimizer.step(learningRate: learningRate)
    return (value, norm)
  }

  /// The sum of -log p over the learnt tokens.
  private func summedLoss(_ rows: ArraySlice<SupervisedExample>) throws -> Tensor {
    let continuations = try Continuations(rows.map { [$0.response] })
    let length = continuations.paddedLength
    let weights = rows.flatMap { row in
      (0..<length).map { row.learnt.contains($0) && $0 < row.response.count ? -1 : 0 as Float }
    }
    let found = try model.logProbabilities(after: model.encode(rows.map(\.prompt)), continuations).logProbabilities
    return try (found * Tensor(weights, shape: [rows.count, 1, length], on: model.device)).sum()
  }
}
