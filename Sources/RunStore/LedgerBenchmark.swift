internal import DurableFiles
internal import Foundation
internal import Rollout
internal import TrustGRPO

/// How fast groups become durable on this machine.
package struct LedgerBenchmark: Sendable {
  package var groups = 4096
  package var responses = 8
  package var tokens = 64
  /// Groups a commit makes durable together.
  package var batch = 128

  package init() {}

  package struct Measurement: Sendable, Hashable {
    package let groups: Int
    package let commits: Int
    /// Time inside `commit`, from issue to training; making the groups is not counted.
    package let seconds: Double
    /// The part of `seconds` that a processor was busy with it; the rest waits for the disk, or for a processor.
    package let processorSeconds: Double

    package var groupsPerSecond: Double { Double(groups) / seconds }
  }

  /// Takes groups through every state (issued, leased, generated, admitted, trained), each batch in one commit for
  /// its way into the ledger and one for its training.
  ///
  /// - Parameter path: of a new run file.
  package func run(path: String) throws -> Measurement {
    let clock = RunClock.system
    let store = try RunStore(path: path)
    try store.commit([.incarnation(1)])
    var (seconds, processorSeconds) = (0.0, 0.0)
    var commits = 0
    for (index, start) in stride(from: 0, to: groups, by: batch).enumerated() {
      let step = UInt32(index + 1)
      let members = (start..<min(start + batch, groups)).map { group(at: $0, step: step) }
      let admission = members.enumerated().flatMap { offset, group -> [JournalRecord] in
        [
          .issued(position: start + offset, unit: group.unit, step: step),
          .leased(unit: group.unit, lease: group.lease, attempt: 1, worker: "worker-0", version: group.version),
          .generated(unit: group.unit, lease: group.lease), .admitted(group, worker: "worker-0", scorer: "scorer-0"),
        ]
      }
      let metrics = ["loss", "kl", "entropy"].map { Metric($0, 0.5) }
      let trained = TrainedStep(
        step: step, units: members.map(\.unit), metrics: metrics, policy: SHA256Digest(of: [UInt8(index & 255)]))
      let (began, busy) = (clock.monotonic(), processorTime())
      try store.commit(admission)
      try store.commit([.trained(trained)])
      seconds += clock.monotonic() - began
      processorSeconds += processorTime() - busy
      commits += 2
    }
    try store.close()
    return Measurement(groups: groups, commits: commits, seconds: seconds, processorSeconds: processorSeconds)
  }

  private func group(at position: Int, step: UInt32) -> ScoredGroup {
    let random = CounterRandom(seed: 1, epoch: 0, prompt: UInt32(position), sample: 0)
    let answers = (0..<responses).map { member in
      Response(
        tokens: (0..<tokens).map { Int32(truncatingIfNeeded: random.bits(at: UInt32(member * tokens + $0)) & 0x7FFF) },
        logProbabilities: (0..<tokens).map { -Float(random.uniform(at: UInt32(member * tokens + $0))) },
        finish: .stop, text: String(repeating: "red 5 . blue 3 . ", count: tokens / 6))
    }
    let outcomes = (0..<responses).map { Double($0 % 2) }
    let rewards = GroupRewards(
      gamma: 1, muCorrect: 0.6, muWrong: 0.4, weight: 0.3, totals: outcomes, advantages: outcomes.map { 2 * $0 - 1 },
      oneSided: false, missingThinking: 0, standardDeviation: 0.5)
    return ScoredGroup(
      lease: LeaseID(incarnation: 1, number: UInt64(position + 1)), unit: UnitID(epoch: 0, prompt: UInt32(position)),
      attempt: 1, version: UInt64(step - 1), step: step, taskDigest: SHA256Digest(of: [UInt8(position & 255)]),
      responses: answers, outcomes: outcomes, thinking: outcomes.map { 0.5 * $0 }, rewards: rewards,
      generationSeconds: 0.1, scoringSeconds: 0.01)
  }

  /// Of this thread, which is the one that GRDB runs a transaction on.
  private func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
