internal import ArgumentParser
internal import DataSets
internal import Foundation
internal import Rewards

struct RewardsBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewards",
    abstract: "How many responses a second one core judges by rule.",
    discussion: """
      Responses of 800 characters, which is 200 tokens, half of them right: the format, then the answer, for each problem \
      type, for free-form answers that fill half of the response, and for the types in turn. One thread; the rates are a \
      second of its core.

        sophia bench rewards
        sophia bench rewards --seconds 5 --json
      """)

  @Option(help: "Seconds to measure each kind.")
  var seconds = 1.0

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if !(0.01...60 ~= seconds) { throw ValidationError("--seconds is \(seconds); give 0.01 to 60") }
  }

  func run() throws {
    let measured = RewardsBenchmark.workloads.map { $0.measured(seconds: seconds) }
    if json { return try printLine(JSONValue.object(measured.map { .init($0.name, object($0)) }).serialized) }
    for one in measured {
      let name = one.name.padding(toLength: 20, withPad: " ", startingAt: 0)
      try printLine(
        name
          + String(
            format: "%8.0f responses/s of a core, %6.2f microseconds each, mean reward %.2f", one.responsesPerCoreSecond,
            1e6 / one.responsesPerCoreSecond, one.meanReward))
    }
  }

  private func object(_ one: RewardsBenchmark.Measurement) -> JSONValue {
    .object([
      .init("responses", .integer(one.responses)), .init("characters", .integer(RewardsBenchmark.responseLength)),
      .init("processor_seconds", .number(one.processorSeconds)), .init("responses_per_core_s", .number(one.responsesPerCoreSecond)),
      .init("mean_reward", .number(one.meanReward)),
    ])
  }
}
