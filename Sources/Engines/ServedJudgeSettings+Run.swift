internal import Foundation
internal import Rollout
internal import ServedReward
internal import Settings

extension ServedJudgeSettings {
  /// - Parameter environment: may hold the key.
  /// - Throws: `TrainingError` if the key cannot be sent, or if the waits do not go together.
  init(_ run: RunSettings, environment: [String: String]) throws {
    let thinking = run.thinking
    let key = environment[thinking.keyVariable].flatMap { $0.isEmpty ? nil : $0 }
    guard key?.unicodeScalars.allSatisfy({ 33...126 ~= $0.value }) ?? true else {
      throw TrainingError(
        code: "judge.key", message: "the key in \(thinking.keyVariable) holds something that no header can hold",
        advice: "set it without line ends, blanks and quotes")
    }
    var service = RewardServiceSettings()
    service.concurrency = thinking.concurrency
    service.requestDeadline = .seconds(thinking.requestSeconds)
    service.groupDeadline = .seconds(run.cluster.leaseSeconds)
    service.waitBudget = .seconds(thinking.waitSeconds)
    service.whenDown = RewardServiceSettings.WhenDown(rawValue: thinking.whenDown.rawValue) ?? .decline
    for wait in [\RewardServiceSettings.longestBackoff, \.longestCoolDown] {
      service[keyPath: wait] = min(service[keyPath: wait], service.groupDeadline)
    }
    if let contradiction = service.contradictions.first {
      throw TrainingError(
        code: "judge.settings", message: "the waits for the served model do not go together: \(contradiction)",
        advice: "see thinking.requestSeconds, thinking.waitSeconds and cluster.leaseSeconds")
    }
    self.init(url: thinking.url, model: thinking.model, key: key, maximumTokens: thinking.answerTokens, service: service)
  }
}
