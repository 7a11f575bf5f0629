internal import DataSets
internal import Rewards
package import Rollout
internal import Settings
internal import Threads
internal import Torch
internal import TrustGRPO

/// A scorer's engine: outcome rewards by rule, thinking rewards by a model on a thread of its own.
package actor GroupGrader: GroupScorer {
  private let executor = ThreadExecutor(name: "score")
  private let threads: Int
  private var settings: RunSettings?
  private var judge: ThinkingRewardModel?

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameter threads: for tensors; the bits of a score depend on it, so every scorer of a run has the same.
  package init(threads: Int) {
    self.threads = threads
  }

  package func prepare(folder: String, settings json: String) throws {
    let settings = try RunSettings(json: json)
    try TorchRuntime.setThreads(threads)
    if settings.algorithm.usesThinking, settings.thinking.kind == .local {
      judge = try ThinkingRewardModel(
        folder: folder, dtype: settings.model.tensorType, device: Device(settings.model.device))
    }
    self.settings = settings
  }

  package func score(_ group: ResponseGroup) throws -> ScoredGroup {
    guard let settings else {
      throw PromptError(
        code: "engine.not-ready", message: "the scorer has not been prepared yet", advice: "report this with the scorer's log")
    }
    let started = ContinuousClock.now
    let lease = group.lease
    guard let type = ProblemType(rawValue: lease.task.problemType) else {
      throw PromptError(
        code: "row.problem-type", message: "the problem type '\(lease.task.problemType)' of unit \(lease.unit) is unknown",
        advice: "use one of \(ProblemType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let outcomes = group.responses.map {
      outcomeReward(response: $0.text, solution: lease.task.solution, type: type)
    }
    let thinking = try judged(group, outcomes, settings)
    return ScoredGroup(
      lease: lease.id, unit: lease.unit, attempt: lease.attempt, version: lease.version, step: lease.step,
      taskDigest: lease.task.digest, responses: group.responses, outcomes: outcomes, thinking: thinking,
      rewards: try GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(lease.step) - 1, settings: settings.algorithm),
      generationSeconds: group.seconds, scoringSeconds: (ContinuousClock.now - started).inSeconds)
  }

  /// Thinking rewards of the members whose score can change anything; nil for the others and for what has no thinking.
  private func judged(_ group: ResponseGroup, _ outcomes: [Double], _ settings: RunSettings) throws -> [Double?] {
    let wanted = GroupRewards.thinkingWanted(outcomes: outcomes, settings: settings.algorithm)
    guard let judge, wanted.contains(true) else { return outcomes.map { _ in nil } }
    let task = group.lease.task
    let question = try judge.prompt(
      problem: task.problem, files: task.images, name: "row \(group.lease.unit.prompt)")
    let traces = zip(group.responses, wanted).map { response, wanted in
      wanted ? FormattedResponse(response.text)?.thinking : nil
    }
    return try judge.scores(question, thinking: traces)
  }
}
