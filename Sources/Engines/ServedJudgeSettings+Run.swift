internal import Foundation
internal import Rollout
internal import ServedReward
internal import Settings

extension ServedJudgeSettings {
  /// - Parameter environment: may hold the key.
  /// - Throws: `EngineStopped` if the key cannot be sent, or if the waits do not go together.
  init(_ run: RunSettings, environment: [String: String]) throws(EngineStopped) {
    let thinking = run.thinking
    var service = RewardServiceSettings()
    service.concurrency = thinking.concurrency
    // Enough groups at once for all requests that may be under way; and some more, so that those whose thinking is not asked
    // for come by while others wait for a slow judge.
    service.queuedGroups = thinking.concurrency / run.rollout.groupSize + 16
    service.requestDeadline = .seconds(thinking.requestSeconds)
    // The lease began when the group was still to be generated.
    service.groupDeadline = .seconds(run.cluster.leaseSeconds * RunSettings.Thinking.shareOfLease)
    service.waitBudget = .seconds(thinking.waitSeconds)
    service.whenDown =
      switch thinking.whenDown {
      case .decline: .decline
      case .outcomeOnly: .outcomeOnly
      case .stop: .stop
      }
    for wait in [\RewardServiceSettings.longestBackoff, \.longestCoolDown] {
      service[keyPath: wait] = min(service[keyPath: wait], service.groupDeadline)
    }
    if let contradiction = service.contradictions.first {
      throw EngineStopped(
        reason: "the waits for the served model do not go together: \(contradiction); see thinking.requestSeconds, thinking.waitSeconds and cluster.leaseSeconds")
    }
    do {
      let key = try JudgeKey.read(thinking.keyVariable, in: environment)
      self.init(url: thinking.url, model: thinking.model, key: key, maximumTokens: thinking.answerTokens, service: service)
    } catch {
      throw EngineStopped(reason: "\(error.message); \(error.advice)")
    }
  }
}
