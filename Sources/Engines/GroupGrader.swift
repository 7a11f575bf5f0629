internal import DataSets
internal import DurableFiles
internal import Foundation
internal import RewardProgram
internal import Rewards
package import Rollout
internal import ServedReward
internal import Settings
internal import Threads
internal import Torch
internal import TrustGRPO

/// A scorer's engine: outcome rewards by rule, thinking rewards by a model on a thread of its own.
package actor GroupGrader: GroupScorer {
  private let executor = ThreadExecutor(name: "score")
  private let threads: Int
  /// Of this machine; nil for the one that the run's settings name.
  private let device: String?
  private let log: @Sendable (LogLevel, String) -> Void
  private var settings: RunSettings?
  private var program: RewardProgram?
  /// Where images lie for a program that looks at them.
  private var images = ""
  private var judge: Judge?

  private enum Judge {
    case local(ThinkingRewardModel)
    case served(ServedJudge)
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// - Parameters:
  ///   - threads: for tensors; the bits of a score depend on it, so every scorer of a run has the same.
  ///   - device: of this machine; nil for the one that the run's settings name.
  package init(threads: Int, device: String? = nil, log: @escaping @Sendable (LogLevel, String) -> Void) {
    self.threads = threads
    self.device = device
    self.log = log
  }

  package func prepare(folder: String, settings json: String) throws -> ScoringPace {
    let settings = try RunSettings(json: json)
    self.settings = settings
    var pace = ScoringPace(patience: .seconds(settings.cluster.leaseSeconds))
    if !settings.rewards.program.isEmpty {
      program = RewardProgram(
        command: settings.rewards.program,
        limits: RewardProgramLimits(
          time: .seconds(settings.rewards.timeoutSeconds), memoryBytes: settings.rewards.memoryMegabytes.map { $0 << 20 },
          restarts: settings.rewards.restarts),
        log: { [log] in log(.info, "reward program: \($0)") })
      images = "\(folder).images"
      pace = ScoringPace(atOnce: 4, patience: .seconds(settings.rewards.timeoutSeconds + 10))
    }
    guard settings.algorithm.usesThinking else { return pace }
    switch settings.thinking.kind {
    case .none: return pace
    case .local:
      try TorchRuntime.setThreads(threads)
      judge = .local(
        try ThinkingRewardModel(
          folder: folder, dtype: settings.model.tensorType, device: Device(device ?? settings.model.device),
          isExpectation: settings.thinking.reading == .expectation))
      return pace
    case .served:
      let served = try ServedJudgeSettings(settings, environment: ProcessInfo.processInfo.environment)
      judge = .served(ServedJudge(served, seed: UInt64(ProcessInfo.processInfo.processIdentifier), log: log))
      return ScoringPace(atOnce: served.service.queuedGroups, patience: served.service.groupDeadline + pace.patience)
    }
  }

  package func score(_ group: ResponseGroup) async throws -> ScoredGroup {
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
    let outcomes = try await graded(group, type)
    let thinking = try await judged(group, outcomes, settings)
    return ScoredGroup(
      lease: lease.id, unit: lease.unit, attempt: lease.attempt, version: lease.version, step: lease.step,
      taskDigest: lease.task.digest, responses: group.responses, outcomes: outcomes, thinking: thinking,
      rewards: try GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(lease.step) - 1, settings: settings.algorithm),
      generationSeconds: group.seconds, scoringSeconds: (ContinuousClock.now - started).inSeconds)
  }

  /// Outcome rewards, by the rules or by the run's own program.
  private func graded(_ group: ResponseGroup, _ type: ProblemType) async throws -> [Double] {
    let task = group.lease.task
    guard let program else {
      return group.responses.map { outcomeReward(response: $0.text, solution: task.solution, type: type) }
    }
    let paths = try task.images.map { image in
      let path = "\(images)/\(SHA256Digest(of: image))"
      if !FileManager.default.fileExists(atPath: path) {
        try DurableFiles.createFolder(images)
        try DurableFiles.write(image, to: path)
      }
      return path
    }
    let requests = group.responses.map {
      RewardRequest(problem: task.problem, problemType: type.rawValue, solution: task.solution, response: $0.text, images: paths)
    }
    do {
      return try await program.rewards(requests)
    } catch {
      throw error.isFinal ? EngineStopped(reason: "\(error.message); \(error.advice)") : error
    }
  }

  /// Thinking rewards of the members whose score can change anything; nil for the others and for what has no thinking.
  private func judged(_ group: ResponseGroup, _ outcomes: [Double], _ settings: RunSettings) async throws -> [Double?] {
    let wanted = GroupRewards.thinkingWanted(outcomes: outcomes, settings: settings.algorithm)
    guard let judge, wanted.contains(true) else { return outcomes.map { _ in nil } }
    let task = group.lease.task
    let traces = zip(group.responses, wanted).map { response, wanted in
      wanted ? FormattedResponse(response.text)?.thinking : nil
    }
    switch judge {
    case .local(let model):
      let question = try model.prompt(
        problem: task.problem, files: task.images, name: "row \(group.lease.unit.prompt)")
      return try model.scores(question, thinking: traces)
    case .served(let service):
      let present = traces.indices.filter { traces[$0]?.contains { !$0.isWhitespace } ?? false }
      let judged = try await service.judge(
        group.lease.id,
        present.map { JudgedTrace(problem: task.problem, images: task.images, thinking: traces[$0] ?? "") })
      var scores = [Double?](repeating: nil, count: traces.count)
      for (index, score) in zip(present, judged.scores) { scores[index] = score }
      return scores
    }
  }
}
