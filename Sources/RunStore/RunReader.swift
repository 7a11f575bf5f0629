package import DurableFiles
internal import GRDB
package import Rollout

/// Reads a run file, from any process and while the learner writes.
package struct RunReader: Sendable {
  package let path: String
  private let queue: DatabaseQueue

  package init(path: String) throws(RunStoreError) {
    self.path = path
    queue = try RunFile.openForReading(path)
  }

  /// What the learner recorded of one update of the policy.
  package struct Step: Sendable, Hashable {
    package let step: UInt32
    package let incarnation: UInt32
    package let groups: Int
    package let responses: Int
    /// Of all responses.
    package let tokens: Int
    package let policy: SHA256Digest
    /// Seconds since 1970.
    package let trainedAt: Double
    /// Seconds on the monotonic clock of its incarnation.
    package let uptime: Double
  }

  package struct Point: Sendable, Hashable {
    package let step: UInt32
    /// NaN where the number was none.
    package let value: Double

    package init(step: UInt32, value: Double) {
      self.step = step
      self.value = value
    }
  }

  /// Means over the groups that a step trained.
  package struct StepRewards: Sendable, Hashable {
    package let step: UInt32
    package let outcome: Double
    /// Over the groups that have thinking rewards; nil if none has.
    package let thinking: Double?
    /// Over the groups in which the thinking reward counted; nil if it counted in none.
    package let gamma: Double?
    /// Share of the step's groups in which the thinking reward counted.
    package let gammaShare: Double
    /// Share of the step's groups whose rewards did not vary.
    package let flatShare: Double
    /// Tokens in a response.
    package let length: Double
  }

  package struct Counts: Sendable, Hashable {
    package let issued: Int
    package let byState: [UnitState: Int]

    package subscript(state: UnitState) -> Int { byState[state, default: 0] }
  }

  // MARK: Training

  package func latestStep() throws(RunStoreError) -> Step? {
    try rows("SELECT * FROM steps ORDER BY step DESC LIMIT 1") { try step($0) }.first
  }

  package func steps() throws(RunStoreError) -> [Step] {
    try rows("SELECT * FROM steps ORDER BY step") { try step($0) }
  }

  /// A step with the groups it trained, in the order in which it summed them, as of one moment; without those that are no
  /// longer kept.
  ///
  /// - Returns: nil if the committed line has no such step, or has it no more: a learner may have gone back.
  package func training(of number: UInt32) throws(RunStoreError) -> (step: Step, groups: [ScoredGroup])? {
    try read { db in
      guard let row = try Row.fetchOne(db, sql: "SELECT * FROM steps WHERE step = ?", arguments: [number]) else {
        return nil
      }
      return (try step(row), try GroupRows(db).trained(in: number))
    }
  }

  /// In the order in which the first step named them.
  package func metricNames() throws(RunStoreError) -> [String] {
    try rows("SELECT name FROM metrics GROUP BY name ORDER BY MIN(rowid)") { try $0.value("name") }
  }

  package func series(of metric: String) throws(RunStoreError) -> [Point] {
    try rows("SELECT step, value FROM metrics WHERE name = ? ORDER BY step", [metric]) { row in
      Point(step: try row.value("step"), value: try row.value("value") ?? .nan)
    }
  }

  package func metrics(of step: UInt32) throws(RunStoreError) -> [Metric] {
    try rows("SELECT name, value FROM metrics WHERE step = ? ORDER BY rowid", [step]) { row in
      Metric(try row.value("name"), try row.value("value") ?? .nan)
    }
  }

  package func rewards() throws(RunStoreError) -> [StepRewards] {
    try rows(
      """
      SELECT trained_step, AVG(outcome) AS outcome, AVG(thinking) AS thinking, AVG(gamma) AS gamma,
        AVG(gamma IS NOT NULL) AS gamma_share, AVG(standard_deviation = 0) AS flat_share,
        CAST(SUM(tokens) AS REAL) / SUM(responses) AS length
      FROM units JOIN groups USING (position) WHERE state = 'trained' GROUP BY trained_step ORDER BY trained_step
      """
    ) { row in
      StepRewards(
        step: try row.value("trained_step"), outcome: try row.value("outcome"), thinking: try row.value("thinking"),
        gamma: try row.value("gamma"), gammaShare: try row.value("gamma_share"),
        flatShare: try row.value("flat_share"), length: try row.value("length"))
    }
  }

  /// Trained responses by the second, from the end of one update to the end of another; the time in which no learner
  /// ran does not count.
  ///
  /// - Parameter last: over this many steps up to the latest; over all if nil.
  /// - Returns: nil before there are two steps of one incarnation.
  package func responsesPerSecond(last: Int? = nil) throws(RunStoreError) -> Double? {
    let steps = try self.steps().suffix(last.map { $0 + 1 } ?? .max)
    let spans = zip(steps, steps.dropFirst()).filter { $0.incarnation == $1.incarnation }
    let seconds = spans.reduce(0) { $0 + $1.1.uptime - $1.0.uptime }
    return seconds > 0 ? Double(spans.reduce(0) { $0 + $1.1.responses }) / seconds : nil
  }

  package func evaluations() throws(RunStoreError) -> [Evaluation] {
    try rows("SELECT * FROM evaluations ORDER BY name, step") { row in
      Evaluation(
        name: try row.value("name"), step: try row.value("step"), rows: try row.value("rows"),
        accuracy: try row.value("accuracy"), outcome: try row.value("outcome"), thinking: try row.value("thinking"))
    }
  }

  // MARK: Ledger

  package func counts() throws(RunStoreError) -> Counts {
    try read { db in
      let states = try Row.fetchAll(db, sql: "SELECT state, units FROM state_counts").map { row in
        (try UnitState(row), try row.value("units") as Int)
      }
      let issued = try Int.fetchOne(db, sql: "SELECT MAX(position) + 1 FROM units") ?? 0
      return Counts(issued: issued, byState: Dictionary(states) { first, _ in first })
    }
  }

  /// A unit that was given up.
  package struct DeadLetter: Sendable, Hashable {
    package let unit: UnitID
    package let step: UInt32
    package let reason: String
  }

  /// In schedule order.
  package func deadLetters() throws(RunStoreError) -> [DeadLetter] {
    try rows("SELECT epoch, prompt, step, reason FROM units WHERE state = 'dead-lettered' ORDER BY position") { row in
      DeadLetter(
        unit: UnitID(epoch: try row.value("epoch"), prompt: try row.value("prompt")), step: try row.value("step"),
        reason: try row.value("reason") ?? "")
    }
  }

  /// Counts everything again, as of one moment.
  package func audit() throws(RunStoreError) -> LedgerAudit {
    try read { db in try LedgerAudit(db) }
  }

  // MARK: The rest

  /// nil if it was never set.
  package func meta(_ key: String) throws(RunStoreError) -> String? {
    try rows("SELECT value FROM meta WHERE key = ?", [key]) { try $0.value("value") as String }.first
  }

  /// In key order.
  package func meta() throws(RunStoreError) -> [(key: String, value: String)] {
    try rows("SELECT key, value FROM meta ORDER BY key") { row -> (key: String, value: String) in
      (try row.value("key"), try row.value("value"))
    }
  }

  package func examples() throws(RunStoreError) -> [Example] {
    try rows("SELECT * FROM examples ORDER BY id") { row in
      Example(
        problem: try row.value("problem"), image: try (row.value("image") as DatabaseBlob?).map { [UInt8]($0) },
        solution: try row.value("solution"),
        before: Example.Answer(text: try row.value("before"), outcome: try row.value("before_outcome")),
        after: Example.Answer(text: try row.value("after"), outcome: try row.value("after_outcome")))
    }
  }

  /// In the order in which they started.
  package func processes() throws(RunStoreError) -> [RunProcess] {
    try rows("SELECT * FROM processes ORDER BY id") { row in
      RunProcess(
        role: try row.value("role"), number: try row.value("number"), pid: try row.value("pid"),
        host: try row.value("host"), startedAt: try row.value("started_at"), endedAt: try row.value("ended_at"),
        exit: try row.value("exit"))
    }
  }

  package func stages() throws(RunStoreError) -> [RunStage] {
    try rows("SELECT * FROM stages ORDER BY id") { row in
      RunStage(name: try row.value("name"), startedAt: try row.value("started_at"), seconds: try row.value("seconds"))
    }
  }

  /// The last `limit` events, oldest first.
  package func events(limit: Int = 1000) throws(RunStoreError) -> [RunEvent] {
    try rows("SELECT * FROM (SELECT * FROM events ORDER BY id DESC LIMIT ?) ORDER BY id", [limit]) { row in
      RunEvent(
        RunEvent.Level(rawValue: try row.value("level")) ?? .note, source: try row.value("source"),
        try row.value("message"), at: try row.value("at"))
    }
  }
}

extension RunReader {
  private func step(_ row: Row) throws -> Step {
    guard let policy = SHA256Digest(bytes: try row.bytes("policy_sha256")) else {
      throw RunStoreError.damaged(path: path, detail: "the policy hash of a step is cut short")
    }
    return Step(
      step: try row.value("step"), incarnation: try row.value("incarnation"), groups: try row.value("groups"),
      responses: try row.value("responses"), tokens: try row.value("tokens"), policy: policy,
      trainedAt: try row.value("trained_at"), uptime: try row.value("uptime"))
  }

  func rows<Element>(
    _ sql: String, _ arguments: StatementArguments = [], _ element: (Row) throws -> Element
  ) throws(RunStoreError) -> [Element] {
    try read { db in try Row.fetchAll(db.cachedStatement(sql: sql), arguments: arguments).map(element) }
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws(RunStoreError) -> Value {
    do {
      return try queue.read(body)
    } catch {
      throw RunStoreError(error, path: path)
    }
  }
}
