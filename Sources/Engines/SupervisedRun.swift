package import DataSets
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import Tokenization
internal import Torch
internal import VisionLanguage

/// A supervised training from rows to a model folder: the warm start of a policy, or the making of a thinking-reward
/// model. Interrupted, it keeps its state beside the folder to be, and goes on from there.
package struct SupervisedRun: Sendable {
  package enum Purpose: Sendable {
    /// Learns the rows' responses.
    case policy
    /// Learns the rows' thinking scores.
    case thinkingReward(ThinkingRewardForm)
  }

  package var purpose: Purpose
  package var start: ModelStart
  package var rows: [DataRow]
  /// The model folder to write.
  package var out: String
  package var settings: SupervisedSettings
  package var threads: Int
  /// For rows that bring no system prompt of their own.
  package var system: String?

  package init(
    _ purpose: Purpose, from start: ModelStart, rows: [DataRow], out: String, settings: SupervisedSettings, threads: Int,
    system: String? = nil
  ) {
    self.purpose = purpose
    self.start = start
    self.rows = rows
    self.out = out
    self.settings = settings
    self.threads = threads
    self.system = system
  }

  /// Where the state of an interrupted training is kept.
  private var unfinished: String { out + ".unfinished" }

  /// - Throws: `CancellationError` if `shouldStop` said so between two steps; the same call goes on from there.
  package func run(
    shouldStop: () -> Bool = { false }, progress: (SupervisedProgress) -> Void = { _ in }
  ) throws {
    try TorchRuntime.setThreads(threads)
    let (policy, files) = try start.load()
    let trainer = try SupervisedTrainer(policy.model, settings)
    let names = policy.model.parameters.trained.map(\.name)
    var done = 0
    if let step = try TrainingState.step(of: unfinished), (1..<UInt64(settings.steps)).contains(step) {
      _ = try TrainingState.read(unfinished, step: step, into: policy.model, trainer.optimizer, trained: names)
      done = Int(step)
    }
    do {
      try trainer.train(
        from: done + 1, count: rows.count, example: examples(policy), shouldStop: shouldStop
      ) { state in
        done = state.step
        progress(state)
      }
    } catch let error as CancellationError {
      if done > 0 {
        let digest = try WeightManifest.of(policy.model.parameters, version: UInt64(done)).digest
        try TrainingState.write(
          policy.model, trainer.optimizer, trained: names, step: UInt64(done), policy: digest, to: unfinished)
      }
      throw error
    }
    try PolicyFolder.write(policy.model, besides: files, to: out) { aside in
      if case .thinkingReward(let form) = purpose { try form.write(to: aside) }
    }
    try DurableFiles.remove(unfinished)
  }

  /// Examples by row. Rows of one problem and picture share their prompt's encoding work only in time, not in memory.
  private func examples(_ policy: LoadedPolicy) throws -> (Int) throws -> SupervisedExample {
    switch purpose {
    case .policy:
      return { index in
        let row = rows[index]
        return SupervisedExample(
          prompt: try policy.encoder.encode(row.task(system: system), name: "row \(row.problemID)"),
          response: ChatTemplate.response(row.response ?? "", tokenizer: policy.encoder.tokenizer))
      }
    case .thinkingReward(let form):
      let judge = try ThinkingRewardModel(model: policy.model, encoder: policy.encoder, form: form)
      return { index in
        let row = rows[index]
        let task = try row.task(system: nil)
        let question = try judge.prompt(problem: task.problem, files: task.images, name: "row \(row.problemID)")
        return judge.example(question, thinking: row.thinking, score: row.thinkingScore ?? 0)
      }
    }
  }
}

extension DataRow {
  /// What a thinking-reward model is shown of the row's response: what stands between the tags, or all of it.
  package var thinking: String {
    let text = response ?? ""
    guard let open = text.range(of: "<think>"), let close = text.range(of: "</think>"), open.upperBound <= close.lowerBound
    else { return text }
    return String(text[open.upperBound..<close.lowerBound])
  }
}
