internal import GRDB

/// What the work of a run cost.
extension RunReader {
  /// One trained group.
  package struct GroupCost: Sendable, Hashable {
    package let step: UInt32
    /// All responses together.
    package let responses: Int
    package let tokens: Int
    package let generationSeconds: Double
    package let scoringSeconds: Double
  }

  /// In the order of their admission; without groups that are no longer kept.
  package func groupCosts() throws(RunStoreError) -> [GroupCost] {
    try rows(
      """
      SELECT groups.step, responses, tokens, generation_seconds, scoring_seconds
      FROM groups JOIN units USING (position) WHERE state = 'trained' ORDER BY groups.id
      """
    ) { row in
      GroupCost(
        step: try row.value("step"), responses: try row.value("responses"), tokens: try row.value("tokens"),
        generationSeconds: try row.value("generation_seconds"), scoringSeconds: try row.value("scoring_seconds"))
    }
  }

  /// Seconds from the end of each update to the end of the next, where one learner made both.
  package func stepSeconds() throws(RunStoreError) -> [(step: UInt32, seconds: Double)] {
    let steps = try steps()
    return zip(steps, steps.dropFirst()).compactMap { before, after in
      guard before.incarnation == after.incarnation, after.step == before.step + 1 else { return nil }
      return (after.step, after.uptime - before.uptime)
    }
  }
}
