internal import GRDB
package import Rollout

/// Whether the ledger of a run holds what it promises, found by counting everything again.
package struct LedgerAudit: Sendable, Hashable {
  /// In `meta`: the last step whose groups are not kept.
  static let forgottenKey = "ledger.groups_forgotten_through"

  package struct Checkpoint: Sendable, Hashable {
    package let step: UInt32
    /// Relative to the run folder.
    package let path: String
    /// `WeightManifest.digest`, hexadecimal.
    package let policy: String
  }

  /// Units that entered the ledger.
  package let issued: Int
  package let counts: [UnitState: Int]
  package let steps: Int
  package let groups: Int
  package let responses: Int
  /// The largest number of versions that a trained group was behind the one it was trained on.
  package let largestStaleness: Int
  /// The policy after the last step, hexadecimal; nil before the first.
  package let policy: String?
  /// Oldest first.
  package let checkpoints: [Checkpoint]
  package let incarnations: Int
  /// What is wrong, one sentence each; empty for a sound ledger.
  package let problems: [String]

  package var isSound: Bool { problems.isEmpty }

  /// - Parameter db: inside a transaction, so that all is seen as of one moment.
  init(_ db: Database) throws {
    let table = try Row.fetchAll(db, sql: "SELECT state, COUNT(*) AS units FROM units GROUP BY state")
    let counted = try table.map { (try UnitState($0), try $0.value("units") as Int) }
    counts = Dictionary(counted) { first, _ in first }
    issued = counted.reduce(0) { $0 + $1.1 }
    steps = try Self.number(db, "SELECT COUNT(*) FROM steps")
    groups = try Self.number(db, "SELECT COUNT(*) FROM groups")
    responses = try Self.number(db, "SELECT COUNT(*) FROM responses")
    incarnations = try Self.number(db, "SELECT COUNT(*) FROM incarnations")
    largestStaleness = try Self.number(
      db,
      """
      SELECT IFNULL(MAX(trained_step - 1 - version), 0) FROM units JOIN groups USING (position) WHERE state = 'trained'
      """)
    policy = try String.fetchOne(db, sql: "SELECT LOWER(HEX(policy_sha256)) FROM steps ORDER BY step DESC LIMIT 1")
    checkpoints = try Row.fetchAll(
      db, sql: "SELECT step, path, LOWER(HEX(policy_sha256)) AS policy FROM checkpoints ORDER BY step"
    ).map { Checkpoint(step: try $0.value("step"), path: try $0.value("path"), policy: try $0.value("policy")) }
    problems = try Self.fileProblems(db) + Self.rules.flatMap { rule in try rule.breaches(db) }
  }

  private static func number(_ db: Database, _ sql: String) throws -> Int {
    try Int.fetchOne(db, sql: sql) ?? 0
  }

  private static func fileProblems(_ db: Database) throws -> [String] {
    try String.fetchAll(db, sql: "PRAGMA quick_check(10)").filter { $0 != "ok" }.map { "The file is damaged: \($0)." }
  }

  /// Something that must never be found, and how to say that it was.
  private struct Rule {
    /// Selects one text for each breach.
    var query: String
    /// `%` stands for the text.
    var sentence: String

    /// The first few are named; a broken file may have a million.
    static let named = 5

    func breaches(_ db: Database) throws -> [String] {
      let found = try String.fetchAll(db, sql: query)
      let sentences = found.prefix(Self.named).map { sentence.replacing("%", with: $0) }
      let rest = found.count - sentences.count
      return rest > 0 ? sentences + ["... and \(rest) more of this kind."] : sentences
    }
  }

  private static let rules = [
    Rule(
      query: """
        SELECT state || ': ' || units || ' counted, '
          || (SELECT COUNT(*) FROM units WHERE units.state = state_counts.state) || ' found'
        FROM state_counts WHERE units != (SELECT COUNT(*) FROM units WHERE units.state = state_counts.state)
        """,
      sentence: "The count of a state is wrong (%)."),
    Rule(
      query: """
        SELECT (SELECT COUNT(*) FROM units) || ' issued, ' || SUM(units) || ' in all states' FROM state_counts
        HAVING SUM(units) != (SELECT COUNT(*) FROM units)
        """,
      sentence: "Work is not conserved (%)."),
    Rule(
      query: """
        SELECT position FROM (SELECT position, ROW_NUMBER() OVER (ORDER BY position) - 1 AS expected FROM units)
        WHERE position != expected LIMIT 1
        """,
      sentence: "The schedule has a gap before position %."),
    Rule(
      query: "SELECT epoch || '/' || prompt FROM units GROUP BY epoch, prompt HAVING COUNT(*) > 1",
      sentence: "Unit % was issued more than once."),
    Rule(
      query: "SELECT position FROM groups GROUP BY position HAVING COUNT(*) > 1",
      sentence: "Position % has more than one group."),
    Rule(
      query: """
        SELECT epoch || '/' || prompt || ' (' || state || ')' FROM units LEFT JOIN groups USING (position)
        WHERE groups.id IS NULL AND (state = 'admitted' OR state = 'trained' AND trained_step >
          IFNULL((SELECT CAST(value AS INTEGER) FROM meta WHERE key = '\(forgottenKey)'), 0)) ORDER BY position
        """,
      sentence: "The group of unit % is missing."),
    Rule(
      query: """
        SELECT epoch || '/' || prompt || ' (' || state || ')' FROM units JOIN groups USING (position)
        WHERE state NOT IN ('admitted', 'trained') ORDER BY position
        """,
      sentence: "Unit % has a group that was never admitted."),
    Rule(
      query: """
        SELECT groups.position FROM groups LEFT JOIN responses ON group_id = groups.id GROUP BY groups.id
        HAVING COUNT(responses.member) != groups.responses OR IFNULL(SUM(LENGTH(responses.tokens)), 0) != 4 * groups.tokens
          OR IFNULL(SUM(LENGTH(log_probabilities)), 0) != 4 * groups.tokens
        """,
      sentence: "The group at position % does not have the responses or tokens it was admitted with."),
    Rule(
      query: """
        SELECT step FROM (SELECT step, ROW_NUMBER() OVER (ORDER BY step) AS expected FROM steps)
        WHERE step != expected LIMIT 1
        """,
      sentence: "Training has a gap before step %."),
    Rule(
      query: """
        SELECT steps.step || ': ' || steps.groups || ' recorded, ' || COUNT(units.position) || ' found'
        FROM steps LEFT JOIN units ON trained_step = steps.step AND state = 'trained'
        GROUP BY steps.step HAVING COUNT(units.position) != steps.groups
        """,
      sentence: "A step does not have the groups it trained (step %)."),
    Rule(
      query: """
        SELECT epoch || '/' || prompt FROM units WHERE state = 'trained'
          AND (trained_step IS NULL OR trained_step NOT IN (SELECT step FROM steps))
        """,
      sentence: "Unit % is marked as trained by a step that is not there."),
    Rule(
      query: """
        SELECT epoch || '/' || prompt FROM units JOIN groups USING (position)
        WHERE state = 'trained' AND version >= trained_step
        """,
      sentence: "Unit % was trained before the policy that sampled it."),
    Rule(
      query: """
        SELECT checkpoints.step FROM checkpoints LEFT JOIN steps USING (step)
        WHERE checkpoints.step > 0 AND (steps.step IS NULL OR steps.policy_sha256 != checkpoints.policy_sha256)
        """,
      sentence: "The checkpoint of step % is not of the policy that the step made."),
    Rule(
      query: """
        SELECT incarnation || '.' || number FROM leases JOIN units USING (position)
        WHERE ended_at IS NULL AND state NOT IN ('leased', 'generated')
        """,
      sentence: "Lease % is open although its unit is not out."),
    Rule(
      query: """
        SELECT epoch || '/' || prompt || ' (' || state || ')' FROM units WHERE state IN ('leased', 'generated')
          AND NOT EXISTS (SELECT 1 FROM leases WHERE leases.position = units.position AND ended_at IS NULL)
        """,
      sentence: "Unit % is out on no lease."),
    Rule(
      query: """
        SELECT position FROM leases WHERE ended_at IS NULL GROUP BY position HAVING COUNT(*) > 2
        """,
      sentence: "Position % is out on more than two leases."),
  ]
}
