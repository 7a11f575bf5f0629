internal import Foundation
internal import GRDB
internal import Rollout

extension Row {
  /// The value of a column; a file that holds something else there is damaged, which must not end the process.
  func value<Value: DatabaseValueConvertible>(_ column: String) throws -> Value {
    do {
      return try decode(Value.self, forColumn: column)
    } catch {
      throw RunStoreError.damaged(path: "that was read", detail: "column \(column): \(error)")
    }
  }

  /// The same by place, which is what the columns of a commit's look-ups are found by: finding one by its name costs
  /// more than the look-up.
  func value<Value: DatabaseValueConvertible>(at index: Int) throws -> Value {
    do {
      return try decode(Value.self, atIndex: index)
    } catch {
      throw RunStoreError.damaged(path: "that was read", detail: "column \(index): \(error)")
    }
  }

  /// A number that is stored with its bits, since SQLite has signed integers only.
  func unsigned(_ column: String) throws -> UInt64 {
    UInt64(bitPattern: try value(column) as Int64)
  }

  func bytes(_ column: String) throws -> [UInt8] {
    [UInt8](try value(column) as Data)
  }
}

extension UnitState {
  init(_ row: Row) throws {
    try self.init(stored: row.value("state"))
  }

  init(stored text: String) throws {
    guard let state = UnitState(rawValue: text) else {
      throw RunStoreError.damaged(path: "that was read", detail: "'\(text)' is no state of a unit")
    }
    self = state
  }
}
