package import DurableFiles

/// Samples groups for a worker.
package protocol GroupGenerator: Sendable {
  /// Builds the model from the files in `folder` (config.json, tokenizer.json, ...) and the run's settings (JSON).
  ///
  /// - Returns: how long a group that was pushed may take to be scored and durable while all is well.
  func prepare(folder: String, settings: String) async throws -> Duration
  /// Takes whole weights whose hashes agree with the manifest.
  func load(_ manifest: WeightManifest, bytes: [UInt8]) async throws
  /// The weights of a folder of this machine that may be the model's; nil if there is none.
  func localWeights() async throws -> LocalWeights?
  /// The group of a lease; a function of the run's seed, the unit, the task and the weights alone. Several are asked for at
  /// once, and none while weights are loaded.
  func generate(_ lease: Lease) async throws -> ResponseGroup
}

extension GroupGenerator {
  package func localWeights() -> LocalWeights? { nil }
}

/// Scores groups for a scorer.
package protocol GroupScorer: Sendable {
  /// Loads the thinking-reward model from `folder`, if the settings (JSON) want one.
  func prepare(folder: String, settings: String) async throws -> ScoringPace
  /// - Throws: `EngineStopped` if no group can be scored any more; otherwise what is wrong with this one.
  func score(_ group: ResponseGroup) async throws -> ScoredGroup
}

/// How an engine scores groups.
package struct ScoringPace: Sendable, Hashable {
  /// Groups at once: more than one where somebody else does the work and is waited for.
  package var atOnce: Int
  /// Longer than any group should take.
  package var patience: Duration

  package init(atOnce: Int = 1, patience: Duration = .seconds(60)) {
    self.atOnce = atOnce
    self.patience = patience
  }
}

/// An engine cannot go on, and its process ends.
package struct EngineStopped: Error, CustomStringConvertible {
  package let reason: String

  package init(reason: String) {
    self.reason = reason
  }

  package var description: String { reason }
}

/// Trains the policy for the learner.
package protocol PolicyTrainer: Sendable {
  /// One step on the groups, summed in the given order.
  func train(step: UInt32, groups: [ScoredGroup]) async throws -> (TrainedStep, WeightManifest)
  /// The tensors' bytes in the manifest's order, as of the last step.
  func weights() async throws -> [UInt8]
  /// Writes and verifies a checkpoint of the last step; returns its folder relative to the run folder.
  ///
  /// - Throws: a `FileError` of a full disk if it may succeed later.
  func checkpoint(step: UInt32) async throws -> (path: String, policy: SHA256Digest)
  /// Removes checkpoint folders, named relative to the run folder.
  func removeCheckpoints(_ paths: [String]) async throws
}

/// Where the learner takes the tasks of its leases from.
package protocol TaskCatalogue: Sendable {
  var count: Int { get }
  /// - Throws: an `ActionableError` if the row's image can no longer be read.
  func task(of prompt: UInt32) throws -> PromptTask
}
