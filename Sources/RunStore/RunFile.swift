internal import Foundation
internal import GRDB

/// Opens connections to a run file.
enum RunFile {
  /// How much of a commit is on the disk when it returns.
  enum Durability: String {
    /// All of it.
    case full = "FULL"
    /// It outlives the process; it outlives the machine once something later was written with `full`.
    case normal = "NORMAL"
  }

  /// Opens the run file for writing, and makes it, or brings its schema up to date, where needed.
  static func openForWriting(_ path: String, _ durability: Durability) throws(RunStoreError) -> DatabaseQueue {
    do {
      var configuration = configuration()
      configuration.prepareDatabase { db in
        // Refused before anything of a foreign file is changed.
        try check(db, path: path)
        try db.execute(sql: "PRAGMA journal_mode = WAL")
        try db.execute(sql: "PRAGMA synchronous = \(durability.rawValue)")
        // SQLite's own checkpoint after a commit swallows its errors, a failed fsync among them. RunStore calls it.
        try db.execute(sql: "PRAGMA wal_autocheckpoint = 0")
      }
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try RunSchema.migrator.migrate(queue)
      return queue
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  /// Opens the run file for reading only, while others may be writing.
  static func openForReading(_ path: String) throws(RunStoreError) -> DatabaseQueue {
    guard FileManager.default.fileExists(atPath: path) else { throw .missing(path: path) }
    do {
      return try openReadOnly(path, path: path)
    } catch {
      // A finished run in a folder that cannot be written: SQLite wants to put its lock file there, unless told that
      // nobody writes. With a log beside the file that would not be true.
      let isForbidden = if case .forbidden = error { true } else { false }
      guard isForbidden, !FileManager.default.fileExists(atPath: path + "-wal") else { throw error }
      let escaped = path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? path
      return try openReadOnly("file:\(escaped)?immutable=1", path: path)
    }
  }

  private static func openReadOnly(_ name: String, path: String) throws(RunStoreError) -> DatabaseQueue {
    do {
      var configuration = configuration()
      configuration.readonly = true
      configuration.prepareDatabase { db in try check(db, path: path) }
      let queue = try DatabaseQueue(path: name, configuration: configuration)
      guard try queue.read({ try RunSchema.migrator.hasCompletedMigrations($0) }) else {
        throw RunStoreError.notARunFile(path: path)
      }
      return queue
    } catch {
      throw RunStoreError(error, path: path)
    }
  }

  private static func configuration() -> Configuration {
    var configuration = Configuration()
    configuration.label = "run file"
    // Longer than any transaction of ours; a process that was stopped inside one shows as `busy`.
    configuration.busyMode = .timeout(10)
    return configuration
  }

  /// Refuses files of other programs and of newer versions of this one.
  private static func check(_ db: Database, path: String) throws {
    let tables = try Int.fetchOne(db, sql: "SELECT COUNT(*) FROM sqlite_master") ?? 0
    guard tables > 0 else { return }
    guard try Int32.fetchOne(db, sql: "PRAGMA application_id") == RunSchema.applicationID else {
      throw RunStoreError.notARunFile(path: path)
    }
    guard try !RunSchema.migrator.hasBeenSuperseded(db) else { throw RunStoreError.newerSchema(path: path) }
  }
}
