internal import GRDB

/// Records what happens in a run besides its ledger, into the same file.
///
/// It has a connection of its own that does not fsync, so that it never makes the ledger's commits wait for a disk; any
/// process of the run's machine may have one. What it records outlives the process at once, and a power cut from the
/// ledger's next commit on.
package final class RunTelemetry: Sendable {
  private let path: String
  private let queue: DatabaseQueue
  private let clock: RunClock

  /// Opens the run file at `path`, or makes it. Its folder must exist.
  package init(path: String, clock: RunClock = .system) throws(RunStoreError) {
    self.path = path
    self.clock = clock
    queue = try RunFile.openForWriting(path, .normal)
  }

  /// What holds for the whole run: `seed`, `settings`. The last value stands.
  package func set(_ key: String, to value: String) throws(RunStoreError) {
    try write { db in
      try db.execute(sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, value])
    }
  }

  package func record(event: RunEvent) throws(RunStoreError) {
    let at = event.at ?? clock.wall()
    try write { db in
      try db.execute(
        sql: "INSERT INTO events (at, level, source, message) VALUES (?, ?, ?, ?)",
        arguments: [at, event.level.rawValue, event.source, event.message])
    }
  }

  /// The same process recorded again, with its end, replaces what was known of it.
  package func record(process: RunProcess) throws(RunStoreError) {
    try write { db in
      try db.execute(
        sql: """
          INSERT INTO processes (role, number, pid, host, started_at, ended_at, exit) VALUES (?, ?, ?, ?, ?, ?, ?)
          ON CONFLICT (role, number, host, pid, started_at) DO UPDATE SET ended_at = excluded.ended_at,
            exit = excluded.exit
          """,
        arguments: [
          process.role, process.number, process.pid, process.host, process.startedAt, process.endedAt, process.exit,
        ])
    }
  }

  package func record(stage: RunStage) throws(RunStoreError) {
    try write { db in
      try db.execute(
        sql: "INSERT INTO stages (name, started_at, seconds) VALUES (?, ?, ?)",
        arguments: [stage.name, stage.startedAt, stage.seconds])
    }
  }

  /// An evaluation of the same data set and step replaces the earlier one.
  package func record(evaluation: Evaluation) throws(RunStoreError) {
    let now = clock.wall()
    try write { db in
      try db.execute(
        sql: """
          INSERT OR REPLACE INTO evaluations (name, step, rows, accuracy, outcome, thinking, at)
          VALUES (?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          evaluation.name, evaluation.step, evaluation.rows, evaluation.accuracy, evaluation.outcome,
          evaluation.thinking, now,
        ])
    }
  }

  /// Replaces the examples recorded before.
  package func record(examples: [Example]) throws(RunStoreError) {
    try write { db in
      try db.execute(sql: "DELETE FROM examples")
      for example in examples {
        try db.execute(
          sql: """
            INSERT INTO examples (problem, image, solution, before, before_outcome, after, after_outcome)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            example.problem, example.image?.data, example.solution, example.before.text, example.before.outcome,
            example.after.text, example.after.outcome,
          ])
      }
    }
  }

  /// Copies the log into the file, so that the file can be copied by itself. To be called when nobody else writes; what a
  /// reader holds up stays in the log beside the file.
  package func foldLog() throws(RunStoreError) {
    do {
      try queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
    } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  package func close() throws(RunStoreError) {
    do {
      try queue.close()
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  private func write(_ body: (Database) throws -> Void) throws(RunStoreError) {
    do {
      try queue.writeWithoutTransaction { db in
        try db.inTransaction(.immediate) {
          try body(db)
          return .commit
        }
      }
    } catch {
      throw RunStoreError(error, path: path)
    }
  }
}
