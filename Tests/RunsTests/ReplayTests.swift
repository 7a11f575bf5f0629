import DataSets
import DurableFiles
import Foundation
import GRDB
import RunStore
import Testing

/// Replays of real runs, both as real processes.
@Suite(.serialized) struct ReplayTests {
  /// What `sophia replay --json` prints.
  private struct Result: Decodable, Equatable {
    let steps: Int
    let policySHA256: String
    let equal: Bool
    let firstDifference: Int?

    enum CodingKeys: String, CodingKey {
      case steps, equal
      case policySHA256 = "policy_sha256"
      case firstDifference = "first_difference"
    }
  }

  private func replay(_ world: World, _ name: String, _ options: String...) throws -> (World.Outcome, Result) {
    let outcome = try world.sophia(["replay", "\(world.folder)/\(name)", "--json"] + options, log: "replay")
    return (outcome, try JSONDecoder().decode(Result.self, from: Data(outcome.output.utf8)))
  }

  private func change(_ world: World, _ name: String, _ sql: String) throws {
    try DatabaseQueue(path: "\(world.folder)/\(name)/run.sqlite").writeWithoutTransaction { try $0.execute(sql: sql) }
  }

  @Test(
    "the journal gives the same weights again, from a synchronous run and from an asynchronous one whose samples lagged",
    arguments: [(0, [String]()), (2, []), (2, ["optimizer.globalBatchSize=4"])])
  func sameBits(staleness: Int, overrides: [String]) throws {
    let world = try World(.halfLearnt)
    let run = try world.run(
      "run", workers: 2, overrides: ["rollout.staleness=\(staleness)", "run.steps=8"] + overrides)
    #expect(run.status == 0, "\(run.errors)")
    let reader = try world.reader("run")
    let audit = try reader.audit()
    #expect(audit.problems == [])
    #expect(audit.largestStaleness <= staleness && (audit.largestStaleness > 0) == (staleness > 0))
    #expect(try reader.metricNames().contains("importance_weight") == (staleness > 0))
    // There was something to learn, so the weights depend on the groups.
    #expect(try reader.rewards().contains { $0.flatShare < 1 })

    let before = try DurableFiles.read("\(world.folder)/run/run.sqlite")
    let (outcome, result) = try replay(world, "run")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let policy = try #require(try reader.latestStep()).policy.description
    #expect(result == Result(steps: 8, policySHA256: policy, equal: true, firstDifference: nil))
    #expect(try DurableFiles.read("\(world.folder)/run/run.sqlite") == before)
  }

  @Test("what was changed in the journal is found: the step is named, with its units; steps before it still agree")
  func tampered() throws {
    let world = try World(.halfLearnt)
    let run = try world.run("run", workers: 2, overrides: ["rollout.staleness=2"])
    #expect(run.status == 0, "\(run.errors)")
    try change(
      world, "run",
      """
      UPDATE responses SET advantage = advantage + 0.5 WHERE member = 0 AND group_id =
        (SELECT groups.id FROM groups JOIN units USING (position) WHERE trained_step = 3 AND trained_order = 1)
      """)
    let (outcome, result) = try replay(world, "run")
    #expect(outcome.status == 1)
    #expect(!result.equal && result.firstDifference == 3 && result.steps == 3)
    let units = try #require(try world.reader("run").training(of: 3)).groups.map(\.unit.description)
    #expect(outcome.errors.contains("step 3") && outcome.errors.contains(units.joined(separator: ", ")), "\(outcome.errors)")
    let (earlier, same) = try replay(world, "run", "--until", "2")
    #expect(earlier.status == 0 && same.equal && same.steps == 2, "\(earlier.errors)")

    try change(
      world, "run",
      "UPDATE groups SET task_sha256 = zeroblob(32) WHERE position = (SELECT position FROM units WHERE trained_step = 2 LIMIT 1)")
    try expectRefusal(world, "run", named: "of the training data is not the one")
    try change(
      world, "run",
      """
      PRAGMA foreign_keys = OFF;
      DELETE FROM groups WHERE position = (SELECT position FROM units WHERE trained_step = 1 AND trained_order = 2)
      """)
    try expectRefusal(world, "run", named: "the journal holds 2 of the 3 groups that step 1 trained")
  }

  @Test("what cannot be replayed is said in one line")
  func refusals() throws {
    let world = try World()
    try expectRefusal(world, "none", named: "there is no run folder")
    try DurableFiles.createFolder("\(world.folder)/empty")
    try expectRefusal(world, "empty", named: "holds no settings.json")
    let run = try world.run("run", workers: 1, overrides: ["run.steps=1"])
    #expect(run.status == 0, "\(run.errors)")
    try expectRefusal(world, "run", ["--until", "2"], named: "has come to step 1, not to step 2")
    try DurableFiles.remove("\(world.folder)/run/run.sqlite")
    try expectRefusal(world, "run", named: "there is no run file")
    _ = try RunStore(path: "\(world.folder)/run/run.sqlite")
    try expectRefusal(world, "run", named: "has not trained a step yet")
  }

  private func expectRefusal(_ world: World, _ name: String, _ options: [String] = [], named: String) throws {
    let outcome = try world.sophia(["replay", "\(world.folder)/\(name)"] + options, log: "refusal")
    #expect(outcome.status == 1 && outcome.output.isEmpty)
    #expect(outcome.errors.contains(named), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count { $0.hasPrefix("sophia: ") } == 1, "\(outcome.errors)")
  }
}
