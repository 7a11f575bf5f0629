import DurableFiles
import Foundation
import Rollout
import RunStore
import Runs
import Testing

/// A run that nothing happened to, and the world it ran in. Every run that something happens to is compared with it.
struct UndisturbedRun: Sendable {
  private static let made = Result { try UndisturbedRun() }
  static var shared: UndisturbedRun { get throws { try made.get() } }

  /// Evaluations take time and change no weights.
  static let overrides = ["data.heldOutFiles=[]"]

  let world: World
  /// `WeightManifest.digest` after the last step.
  let policy: String
  private let weights: [UInt8]

  private init() throws {
    world = try World(.halfLearnt)
    // What is shared by all tests lasts as long as the process.
    atexit { try? DurableFiles.remove(UndisturbedRun.shared.world.folder) }
    let outcome = try world.run("undisturbed", workers: 1, overrides: Self.overrides)
    try #require(outcome.status == 0, "\(outcome.errors)")
    policy = try #require(try world.reader("undisturbed").latestStep()).policy.description
    weights = try world.policyBytes("undisturbed")
    // There was something to learn, so the weights depend on the groups.
    #expect(try world.reader("undisturbed").rewards().contains { $0.flatShare < 1 })
    #expect(try weights != DurableFiles.read("\(world.base)/model.safetensors"))
  }

  /// The run `name` is complete, has this run's weights bit for bit, and its ledger is sound.
  func expectSame(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let audit = try audit(name)
    #expect(audit.problems == [], sourceLocation: sourceLocation)
    #expect(audit.ledger.counts == [.trained: World.steps * World.promptsPerStep], sourceLocation: sourceLocation)
    #expect(audit.ledger.steps == World.steps, sourceLocation: sourceLocation)
    #expect(audit.ledger.policy == policy, sourceLocation: sourceLocation)
    #expect(try world.policyBytes(name) == weights, sourceLocation: sourceLocation)
  }

  func audit(_ name: String) throws -> RunAudit { try RunAudit(RunFolder("\(world.folder)/\(name)")) }
}
