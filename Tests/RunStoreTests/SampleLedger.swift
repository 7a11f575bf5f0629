import DurableFiles
import Rollout
import TrustGRPO

@testable import RunStore

/// Small records to commit, made by hand.
enum Sample {
  static func unit(_ prompt: UInt32) -> UnitID { UnitID(epoch: 0, prompt: prompt) }

  static func lease(_ number: UInt64, incarnation: UInt32 = 1) -> LeaseID {
    LeaseID(incarnation: incarnation, number: number)
  }

  static func digest(_ byte: UInt8) -> SHA256Digest { SHA256Digest(of: [byte]) }

  static func issued(_ prompts: Range<UInt32>, step: UInt32 = 1) -> [JournalRecord] {
    prompts.map { .issued(position: Int($0), unit: unit($0), step: step) }
  }

  static func leased(_ prompt: UInt32, _ number: UInt64, attempt: UInt32 = 1, incarnation: UInt32 = 1) -> JournalRecord {
    .leased(
      unit: unit(prompt), lease: lease(number, incarnation: incarnation), attempt: attempt, worker: "worker-0",
      version: 0)
  }

  static func group(
    _ prompt: UInt32, _ number: UInt64, attempt: UInt32 = 1, incarnation: UInt32 = 1, version: UInt64 = 0,
    step: UInt32 = 1, text: String = "<think>a</think><answer>5</answer>"
  ) -> ScoredGroup {
    ScoredGroup(
      lease: lease(number, incarnation: incarnation), unit: unit(prompt), attempt: attempt, version: version,
      step: step, taskDigest: digest(UInt8(prompt)),
      responses: [
        Response(tokens: [1, 2, -3, .max], logProbabilities: [-0.5, -0.0, -1.5e-30, -88], finish: .stop, text: text),
        Response(tokens: [7], logProbabilities: [-0.25], finish: .length, text: ""),
      ],
      outcomes: [1, 0], thinking: [0.7, nil],
      rewards: GroupRewards(
        gamma: 0.1 + 0.2, muCorrect: 0.7, muWrong: nil, weight: 0.09, totals: [1.063, 0.063],
        advantages: [0.7071057811, -0.7071057811], oneSided: false, missingThinking: 1, standardDeviation: 0.5.squareRoot()),
      generationSeconds: 0.25, scoringSeconds: 0.01)
  }

  static func admitted(_ group: ScoredGroup) -> JournalRecord { .admitted(group, worker: "worker-0", scorer: "scorer-0") }

  static func trained(
    _ step: UInt32, _ prompts: [UInt32], _ metrics: [Metric] = [], accuracy: Double? = nil
  ) -> JournalRecord {
    .trained(
      TrainedStep(
        step: step, units: prompts.map(unit), metrics: metrics, policy: digest(UInt8(step)),
        evaluation: accuracy.map { HeldOutScore(rows: 4, accuracy: $0, outcome: $0) }))
  }

  /// Units `prompts`, from issue to admission, under leases of the same numbers plus one.
  static func untilAdmission(_ prompts: Range<UInt32>, step: UInt32 = 1) -> [JournalRecord] {
    issued(prompts, step: step)
      + prompts.flatMap { prompt -> [JournalRecord] in
        let number = UInt64(prompt) + 1
        return [
          leased(prompt, number), .generated(unit: unit(prompt), lease: lease(number)),
          admitted(group(prompt, number, step: step)),
        ]
      }
  }
}

/// The code of the error that `body` throws, if it throws one of the store's; "paused" if the journal is to be tried again.
func code(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return error is JournalPaused ? "paused" : (error as? RunStoreError)?.code
  }
}
