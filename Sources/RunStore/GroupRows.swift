internal import DurableFiles
internal import Foundation
internal import GRDB
internal import Rollout
internal import TrustGRPO

/// A scored group as rows of `groups` and `responses`, and back, bit for bit.
struct GroupRows {
  private let db: Database

  init(_ db: Database) {
    self.db = db
  }

  func insert(_ group: ScoredGroup, position: Int64, worker: String, scorer: String, at now: Double) throws {
    try requireOneOfEachPerResponse(group)
    let rewards = group.rewards
    let scores = group.thinking.compactMap { $0 }
    let statements = DirectStatements(db)
    try statements.run(
      """
      INSERT INTO groups (position, incarnation, lease, attempt, version, step, worker, scorer, task_sha256,
        responses, tokens, outcome, thinking, gamma, mu_correct, mu_wrong, weight, one_sided, missing_thinking,
        standard_deviation, generation_seconds, scoring_seconds, admitted_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        .integer(position), .integer(group.lease.incarnation), .integer(group.lease.number), .integer(group.attempt),
        .integer(group.version), .integer(group.step), .text(worker), .text(scorer), .blob(group.taskDigest.bytes),
        .integer(group.responses.count), .integer(group.responses.reduce(0) { $0 + $1.tokens.count }),
        .real(mean(group.outcomes)), .real(mean(scores)), .real(rewards.gamma), .real(rewards.muCorrect),
        .real(rewards.muWrong), .real(rewards.weight), .integer(rewards.oneSided ? 1 : 0), .integer(rewards.missingThinking),
        .real(rewards.standardDeviation), .real(group.generationSeconds), .real(group.scoringSeconds), .real(now),
      ])
    let id = SQLiteValue.integer(db.lastInsertedRowID)
    for (member, response) in group.responses.enumerated() {
      try statements.run(
        """
        INSERT INTO responses (group_id, member, outcome, thinking, total, advantage, finish, text, tokens,
          log_probabilities)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          id, .integer(member), .real(group.outcomes[member]), .real(group.thinking[member]), .real(rewards.totals[member]),
          .real(rewards.advantages[member]), .text(response.finish.rawValue), storable(response.text),
          .blob(Blobs.encode(response.tokens)), .blob(Blobs.encode(response.logProbabilities)),
        ])
    }
  }

  /// The groups of all admitted units: first those that were trained and taken back, in the order in which they were
  /// trained, then the others in the order of their admission.
  func admitted() throws -> [ScoredGroup] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT units.epoch, units.prompt, groups.* FROM groups JOIN units USING (position)
        WHERE units.state = 'admitted'
        ORDER BY units.trained_step IS NULL, units.trained_step, units.trained_order, groups.id
        """)
    return try rows.map(group)
  }

  /// The groups that a step of the committed line trained, in the order in which it summed them; without those that are
  /// no longer kept.
  func trained(in step: UInt32) throws -> [ScoredGroup] {
    let rows = try Row.fetchAll(
      db,
      sql: """
        SELECT units.epoch, units.prompt, groups.* FROM groups JOIN units USING (position)
        WHERE units.state = 'trained' AND units.trained_step = ? ORDER BY units.trained_order
        """,
      arguments: [step])
    return try rows.map(group)
  }

  private func group(_ row: Row) throws -> ScoredGroup {
    let unit = UnitID(epoch: try row.value("epoch"), prompt: try row.value("prompt"))
    let members = try Row.fetchAll(
      db.cachedStatement(sql: "SELECT * FROM responses WHERE group_id = ? ORDER BY member"),
      arguments: [try row.value("id") as Int64])
    guard members.count == (try row.value("responses") as Int), !members.isEmpty else {
      throw damaged(unit, "it has \(members.count) responses")
    }
    guard let digest = SHA256Digest(bytes: try row.bytes("task_sha256")) else {
      throw damaged(unit, "its task digest is cut short")
    }
    let lease = LeaseID(incarnation: try row.value("incarnation"), number: try row.unsigned("lease"))
    return ScoredGroup(
      lease: lease, unit: unit, attempt: try row.value("attempt"), version: try row.unsigned("version"),
      step: try row.value("step"), taskDigest: digest, responses: try members.map { try response($0, of: unit) },
      outcomes: try members.map { try $0.value("outcome") }, thinking: try members.map { try $0.value("thinking") },
      rewards: GroupRewards(
        gamma: try row.value("gamma"), muCorrect: try row.value("mu_correct"), muWrong: try row.value("mu_wrong"), weight: try row.value("weight"),
        totals: try members.map { try $0.value("total") }, advantages: try members.map { try $0.value("advantage") },
        oneSided: try row.value("one_sided"), missingThinking: try row.value("missing_thinking"),
        standardDeviation: try row.value("standard_deviation")),
      generationSeconds: try row.value("generation_seconds"), scoringSeconds: try row.value("scoring_seconds"))
  }

  private func response(_ row: Row, of unit: UnitID) throws -> Response {
    guard let tokens = Blobs.integers(try row.value("tokens")), let logProbabilities = Blobs.floats(try row.value("log_probabilities")),
      tokens.count == logProbabilities.count
    else { throw damaged(unit, "tokens and log-probabilities of a response do not pair up") }
    guard let finish = Response.Finish(rawValue: try row.value("finish")) else {
      throw damaged(unit, "a response ended in an unknown way")
    }
    return Response(tokens: tokens, logProbabilities: logProbabilities, finish: finish, text: try row.value("text"))
  }

  private func damaged(_ unit: UnitID, _ detail: String) -> RunStoreError {
    .damaged(path: db.description, detail: "the group of unit \(unit): \(detail)")
  }

  private func requireOneOfEachPerResponse(_ group: ScoredGroup) throws {
    let count = group.responses.count
    let others = [
      group.outcomes.count, group.thinking.count, group.rewards.totals.count, group.rewards.advantages.count,
    ]
    guard others.allSatisfy({ $0 == count }) else {
      throw RunStoreError.refused(
        record: "group of unit \(group.unit)", reason: "\(count) responses, but \(others) rewards of each kind")
    }
  }

  /// SQLite's text ends at the first NUL for whoever binds it by C string. A text with one is stored as bytes, which
  /// read back as the same text.
  private func storable(_ text: String) -> SQLiteValue {
    var text = text
    return text.withUTF8 { $0.contains(0) } ? .blob(Array(text.utf8)) : .text(text)
  }

  private func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}
