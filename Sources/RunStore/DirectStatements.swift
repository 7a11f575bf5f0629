internal import GRDB
internal import GRDBSQLite

/// What is bound to a statement of the journal.
enum SQLiteValue: ExpressibleByNilLiteral {
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])
  case null

  init(nilLiteral: ()) { self = .null }

  static func integer(_ value: some FixedWidthInteger) -> SQLiteValue { .integer(Int64(truncatingIfNeeded: value)) }
  static func real(_ value: Double?) -> SQLiteValue { value.map { .real($0) } ?? .null }
}

/// Statements of the journal, run by SQLite's own calls: what GRDB makes of arguments and rows, which any program can use, takes
/// three times as long as SQLite does with what a commit needs. Connections, transactions and everything that is read for people
/// stay GRDB's.
struct DirectStatements {
  private let db: Database

  /// - Parameter db: inside a transaction.
  init(_ db: Database) {
    self.db = db
  }

  /// - Throws: `DatabaseError`, as GRDB does; the transaction is to be given up then.
  func run(_ sql: String, _ values: [SQLiteValue]) throws {
    _ = try step(sql, values) { _ in }
  }

  /// - Returns: what `read` makes of the first row; nil if there is none.
  func first<Value>(_ sql: String, _ values: [SQLiteValue], _ read: (SQLiteRow) throws -> Value) throws -> Value? {
    try step(sql, values, read)
  }

  private func step<Value>(
    _ sql: String, _ values: [SQLiteValue], _ read: (SQLiteRow) throws -> Value
  ) throws -> Value? {
    let statement = try db.cachedStatement(sql: sql).sqliteStatement
    defer { sqlite3_reset(statement) }
    for (index, value) in values.enumerated() { try check(value.bind(to: statement, at: Int32(index + 1)), sql) }
    switch sqlite3_step(statement) {
    case SQLITE_ROW: return try read(SQLiteRow(statement: statement))
    case SQLITE_DONE: return nil
    case let code:
      try check(code, sql)
      return nil
    }
  }

  private func check(_ code: Int32, _ sql: String) throws {
    guard code != SQLITE_OK else { return }
    let connection = db.sqliteConnection
    throw DatabaseError(
      resultCode: ResultCode(rawValue: connection.map { sqlite3_extended_errcode($0) } ?? code),
      message: connection.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) }, sql: sql)
  }
}

extension SQLiteValue {
  /// SQLite copies what it is given: the bytes need not outlive the call.
  private static var copied: sqlite3_destructor_type { unsafeBitCast(-1, to: sqlite3_destructor_type.self) }

  fileprivate func bind(to statement: SQLiteStatement, at index: Int32) -> Int32 {
    switch self {
    case .integer(let value): return sqlite3_bind_int64(statement, index, value)
    case .real(let value): return sqlite3_bind_double(statement, index, value)
    case .text(var text):
      return text.withUTF8 { bytes in
        bytes.withMemoryRebound(to: CChar.self) { bytes in
          let (count, kind) = (UInt64(bytes.count), UInt8(SQLITE_UTF8))
          // Without an address SQLite takes it for NULL.
          guard let start = bytes.baseAddress else { return sqlite3_bind_text64(statement, index, "", 0, Self.copied, kind) }
          return sqlite3_bind_text64(statement, index, start, count, Self.copied, kind)
        }
      }
    case .blob(let bytes):
      guard !bytes.isEmpty else { return sqlite3_bind_zeroblob(statement, index, 0) }
      return bytes.withUnsafeBytes { sqlite3_bind_blob64(statement, index, $0.baseAddress, UInt64($0.count), Self.copied) }
    case .null: return sqlite3_bind_null(statement, index)
    }
  }
}

/// The row that a statement stands at. A file that holds something else than it should is damaged, which must not end the
/// process.
struct SQLiteRow {
  fileprivate let statement: SQLiteStatement

  func integer<Value: FixedWidthInteger>(_ index: Int32) throws -> Value {
    guard let value: Value = try optionalInteger(index) else { throw damaged(index, "NULL") }
    return value
  }

  func optionalInteger<Value: FixedWidthInteger>(_ index: Int32) throws -> Value? {
    switch sqlite3_column_type(statement, index) {
    case SQLITE_NULL: return nil
    case SQLITE_INTEGER:
      let stored = sqlite3_column_int64(statement, index)
      guard let value = Value(exactly: stored) else { throw damaged(index, "\(stored)") }
      return value
    default: throw damaged(index, "no integer")
    }
  }

  func text(_ index: Int32) throws -> String {
    guard sqlite3_column_type(statement, index) == SQLITE_TEXT, let start = sqlite3_column_text(statement, index) else {
      throw damaged(index, "no text")
    }
    let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(statement, index)))
    return String(decoding: bytes, as: UTF8.self)
  }

  func blob(_ index: Int32) throws -> [UInt8] {
    guard sqlite3_column_type(statement, index) == SQLITE_BLOB else { throw damaged(index, "no bytes") }
    return [UInt8](UnsafeRawBufferPointer(
      start: sqlite3_column_blob(statement, index), count: Int(sqlite3_column_bytes(statement, index))))
  }

  private func damaged(_ index: Int32, _ found: String) -> RunStoreError {
    .damaged(path: "that was read", detail: "column \(index): \(found)")
  }
}
