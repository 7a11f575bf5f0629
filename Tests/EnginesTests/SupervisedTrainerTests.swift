import Foundation
import Testing
import Torch
import VisionLanguage

@testable import Engines

@Suite(.serialized) struct SupervisedTrainerTests {
  private func settings(steps: Int, rows: Int = 6, _ change: (inout SupervisedSettings) -> Void = { _ in }) -> SupervisedSettings {
    var settings = SupervisedSettings()
    settings.steps = steps
    settings.rowsPerStep = rows
    settings.warmupSteps = 5
    change(&settings)
    return settings
  }

  /// Six pictures, each with a response of its own.
  private func examples() throws -> [SupervisedExample] {
    try (0..<6).map { number in
      SupervisedExample(
        prompt: try picturedPrompt(number), response: (0..<Int32(3 + number % 3)).map { $0 * 3 + Int32(number) })
    }
  }

  @Test("a model learns its examples, from the picture where the words are the same")
  func learns() throws {
    let rows = try (0..<4).map { number in
      SupervisedExample(
        prompt: VisualPrompt(tokens: [52, 50, 50, 50, 50, 53, 1], images: [try picture(number)]), response: [Int32(10 + number), 2])
    }
    let model = try trainableModel()
    var losses: [Double] = []
    try SupervisedTrainer(model, settings(steps: 120, rows: 4)).train(
      count: rows.count, example: { rows[$0] }, progress: { losses.append($0.loss) })
    #expect(losses.count == 120 && losses[0] > 3 && losses[119] < 0.1)
    let scores = try PolicyScoring.score(model, prompts: rows.map(\.prompt), responses: rows.map { [$0.response] })
    #expect(scores.logProbabilities.allSatisfy { $0[0][0] > -0.5 })
  }

  @Test("the same settings give the same bits, another seed others")
  func sameBits() throws {
    let rows = try examples()
    func run(_ seed: UInt64) throws -> [UInt8] {
      let model = try trainableModel()
      try SupervisedTrainer(model, settings(steps: 4, rows: 4) { $0.seed = seed }).train(count: 6, example: { rows[$0] })
      return try model.parameters.export()
    }
    #expect(try run(1) == run(1))
    #expect(try run(1) != run(2))
  }

  @Test("training that goes on from a saved state ends with the bits of training that never stopped")
  func goesOn() throws {
    let rows = try examples()
    let folder = NSTemporaryDirectory() + "supervised-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let whole = try trainableModel()
    try SupervisedTrainer(whole, settings(steps: 6, rows: 4)).train(count: 6, example: { rows[$0] })

    let model = try trainableModel()
    let names = model.parameters.trained.map(\.name)
    let trainer = try SupervisedTrainer(model, settings(steps: 6, rows: 4))
    var done = 0
    #expect(throws: CancellationError.self) {
      try trainer.train(count: 6, example: { rows[$0] }, shouldStop: { done == 3 }, progress: { done = $0.step })
    }
    try SafetensorsWriter.write(trainer.optimizer.states(named: names), to: folder)
    let weights = try model.parameters.export()
    let later = try trainableModel(seed: 9)
    try later.parameters.load(weights)
    let successor = try SupervisedTrainer(later, settings(steps: 6, rows: 4))
    try successor.optimizer.load(SafetensorsFile(folder), named: names)
    try successor.train(from: 4, count: 6, example: { rows[$0] })
    #expect(try later.parameters.export() == whole.parameters.export())
  }

  @Test("every example is seen once an epoch")
  func epochs() throws {
    var rows = try examples()
    var seen: [Int] = []
    try SupervisedTrainer(trainableModel(), settings(steps: 6, rows: 4)).train(count: 6, example: { seen.append($0); return rows[$0] })
    #expect(seen.count == 24)
    for epoch in 0..<4 { #expect(seen[epoch * 6..<epoch * 6 + 6].sorted() == Array(0..<6)) }
    #expect(Array(seen[0..<6]) != Array(seen[6..<12]))
    rows.removeAll()
    #expect(throws: TrainingError.self) {
      try SupervisedTrainer(trainableModel(), settings(steps: 1)).train(count: 0, example: { rows[$0] })
    }
  }

  @Test("tokens that are only read bring no gradient of their own")
  func onlyLearnt() throws {
    let model = try trainableModel()
    let trainer = try SupervisedTrainer(model, settings(steps: 1))
    let whole: [Int32] = [4, 5, 6, 7]
    let example = SupervisedExample(prompt: try picturedPrompt(0), response: whole, learnt: 2..<4)
    let expected = try PolicyScoring.score(model, prompts: [example.prompt], responses: [[whole]]).logProbabilities[0][0]
    let (loss, _) = try trainer.step([example], learningRate: 0)
    #expect(abs(loss + Double(expected[2] + expected[3]) / 2) < 1e-5)
  }

  @Test("training stops between steps when asked, and leaves a whole model")
  func cancellation() throws {
    let rows = try examples()
    var done = 0
    let trainer = try SupervisedTrainer(trainableModel(), settings(steps: 50))
    #expect(throws: CancellationError.self) {
      try trainer.train(count: 6, example: { rows[$0] }, shouldStop: { done == 3 }, progress: { done = $0.step })
    }
    #expect(done == 3)
  }

  @Test(
    "the learning rate rises over the warm-up and falls along a cosine",
    arguments: [(1, 0.1), (10, 1), (35, 0.853553), (60, 0.5), (110, 0)] as [(Int, Double)])
  func schedule(step: Int, rate: Double) {
    let settings = settings(steps: 110) { ($0.learningRate, $0.warmupSteps) = (1, 10) }
    #expect(abs(settings.learningRate(at: step) - rate) < 1e-6)
  }

  /// In a process of its own, where nothing else takes memory.
  @Test("resident memory is flat over 1,000 training steps")
  func noLeak() async {
    await #expect(processExitsWith: .success) {
      let prompt = VisualPrompt(tokens: [1, 2, 3])
      let row = SupervisedExample(prompt: prompt, response: [4, 5, 6])
      let seen = SupervisedExample(prompt: try picturedPrompt(0), response: [4, 5])
      var settings = SupervisedSettings()
      settings.steps = 1
      try TorchRuntime.setThreads(1)
      let trainer = try SupervisedTrainer(trainableModel(), settings)
      func run(_ steps: Int) throws {
        // Pictures cost most of the time, and are made of the same operations.
        for step in 0..<steps { _ = try trainer.step([step % 10 == 0 ? seen : row], learningRate: 1e-4) }
      }
      try run(100)
      let before = try #require(TorchRuntime.residentBytes)
      try run(1000)
      let after = try #require(TorchRuntime.residentBytes)
      // A leak of a key or value a step, 3 x 48 floats a layer, would be 1 MB; of one gradient, many more.
      try #require(after - before < 1 << 20, "grew by \(after - before) bytes")
    }
  }
}
