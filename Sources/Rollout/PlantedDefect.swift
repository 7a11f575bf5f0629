/// Mistakes that somebody could make in this system. The simulator plants one to see whether its checks find it; nothing
/// else sets one, and no setting or message can.
package enum PlantedDefect: String, Sendable, Hashable, CaseIterable, Codable {
  // Learner
  /// Workers are told that a group is durable when it is only on its way to the disk.
  case acknowledgeEarly = "acknowledge-early"
  /// A group that came before is taken again.
  case skipDeduplication = "skip-deduplication"
  /// A lease is given a number that was used before.
  case reuseLeaseNumber = "reuse-lease-number"
  /// A learner that starts again goes by the number of the one before.
  case reuseIncarnation = "reuse-incarnation"
  /// A learner hands out leases before its incarnation is durable.
  case speakTooSoon = "speak-too-soon"
  /// After a restart what was sampled from weights that will not come again counts.
  case forgetStalenessAfterResume = "forget-staleness-after-resume"
  /// Groups are trained in the order in which they came.
  case trainInArrivalOrder = "train-in-arrival-order"
  /// Nothing is checked of a group but its lease.
  case skipAdmission = "skip-admission"
  /// Whoever hands in a scored group is taken for a scorer.
  case skipRoleCheck = "skip-role-check"
  /// Whoever answers a lease is taken for its holder.
  case skipHolderCheck = "skip-holder-check"
  /// Leases never run out.
  case neverExpire = "never-expire"
  /// Poison work is tried for ever.
  case neverDeadLetter = "never-dead-letter"
  /// The run is over when the last step is trained, durable or not.
  case finishEarly = "finish-early"
  /// A checkpoint that is no longer needed is removed before the journal has let it go.
  case removeBeforeDurable = "remove-before-durable"
  /// What a worker no longer owes is still charged to it.
  case forgetCredit = "forget-credit"
  /// A peer that has said hello is asked to say hello.
  case greetForEver = "greet-for-ever"
  // Worker
  /// Weights are loaded whatever their hash.
  case skipHashCheck = "skip-hash-check"
  /// A lease is begun before the weights that it asks for are here.
  case sampleOldWeights = "sample-old-weights"
  // Engines and storage
  /// The journal says that records are durable without an fsync.
  case skipSync = "skip-sync"
  /// A failed fsync is tried again and believed.
  case retrySync = "retry-sync"
  /// A response depends on how often its unit was tried.
  case sampleByAttempt = "sample-by-attempt"
  /// A damaged checkpoint is loaded.
  case trustDamagedCheckpoint = "trust-damaged-checkpoint"
  /// A checkpoint gets its name before its bytes are synced.
  case renameBeforeSync = "rename-before-sync"
}
