internal import DurableFiles
internal import Rollout

/// The same run by a loop of a few lines, without roles, messages or a clock: what a synchronous run has to end with.
struct ReferenceRun: Sendable {
  let options: SimulationOptions
  let seed: UInt64

  var schedule: Schedule { Schedule(rows: options.rows, seed: seed, shuffled: true) }

  /// - Parameter deadLettered: units that are trained in no step.
  /// - Returns: the policy before the first step, and after each.
  func policies(without deadLettered: Set<UnitID>) -> [SimulatedPolicy] {
    var schedule = schedule
    var policy = SimulatedPolicy()
    let sampling = SimulatedSampling(groupSize: options.groupSize)
    var policies = [policy]
    for step in 0..<Int(options.steps) {
      let units = (0..<options.promptsPerStep).map { schedule.unit(at: step * options.promptsPerStep + $0) }
      policy.train(
        units.filter { !deadLettered.contains($0) }.map { ($0, sampling.responses(to: $0, with: policy.bytes)) })
      policies.append(policy)
    }
    return policies
  }
}
