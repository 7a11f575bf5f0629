internal import ActionableErrors
internal import GRDB

/// What can go wrong with the run file.
package enum RunStoreError: ActionableError {
  case missing(path: String)
  case forbidden(path: String, detail: String)
  case notARunFile(path: String)
  case newerSchema(path: String)
  case diskFull(path: String)
  case diskFailed(path: String, detail: String)
  /// An earlier write failed in a way after which nobody knows what the disk holds.
  case stopped(path: String, because: String)
  case busy(path: String)
  case damaged(path: String, detail: String)
  /// Another learner has taken over the run.
  case fenced(path: String, incarnation: UInt32, current: UInt32)
  /// A record that contradicts the ledger; nothing of its batch was written.
  case refused(record: String, reason: String)
  case unexpected(path: String, detail: String)

  package var code: String {
    switch self {
    case .missing: "store.missing"
    case .forbidden: "store.forbidden"
    case .notARunFile: "store.not-a-run-file"
    case .newerSchema: "store.newer-schema"
    case .diskFull: "store.disk-full"
    case .diskFailed: "store.disk-failed"
    case .stopped: "store.stopped"
    case .busy: "store.busy"
    case .damaged: "store.damaged"
    case .fenced: "store.fenced"
    case .refused: "store.refused"
    case .unexpected: "store.unexpected"
    }
  }

  package var message: String {
    switch self {
    case .missing(let path): "there is no run file \(path)"
    case .forbidden(let path, let detail): "cannot open or write the run file \(path): \(detail)"
    case .notARunFile(let path): "\(path) is not a run file"
    case .newerSchema(let path): "the run file \(path) was written by a newer version of this program"
    case .diskFull(let path): "no space left for the run file \(path)"
    case .diskFailed(let path, let detail): "the disk failed under the run file \(path): \(detail)"
    case .stopped(let path, let because): "the run file \(path) takes no more records since a write failed: \(because)"
    case .busy(let path): "another process holds the run file \(path)"
    case .damaged(let path, let detail): "the run file \(path) is damaged: \(detail)"
    case .fenced(let path, let incarnation, let current):
      "incarnation \(incarnation) of the learner may not write to \(path): incarnation \(current) has taken over"
    case .refused(let record, let reason): "the ledger refuses \(record): \(reason)"
    case .unexpected(let path, let detail): "the run file \(path) could not be used: \(detail)"
    }
  }

  package var advice: String {
    switch self {
    case .missing: "check the run folder's path, or start the run first"
    case .forbidden: "choose a folder that exists and that you can write to, or change its permissions"
    case .notARunFile: "name a run folder, or remove the file if the run may begin anew"
    case .newerSchema: "use the version of this program that wrote it, or a later one"
    case .diskFull: "free some space; nothing was acknowledged that is not on the disk"
    case .diskFailed, .stopped:
      "check the disk, then start the learner again: it goes on from the last checkpoint and what the file holds"
    case .busy: "end the other process, or wait for it"
    case .damaged: "keep a copy of it, then go on from a backup or begin a new run folder"
    case .fenced: "end this process: the other learner goes on with the run"
    case .refused: "this is a fault of the program, please report it with the run file"
    case .unexpected: "see the reason and try again"
    }
  }
}

extension RunStoreError {
  /// What SQLite reported for `path`, in the user's terms.
  init(_ error: any Error, path: String) {
    if let known = error as? RunStoreError {
      self = if case .damaged(_, let detail) = known { .damaged(path: path, detail: detail) } else { known }
      return
    }
    guard let error = error as? DatabaseError else {
      self = .unexpected(path: path, detail: "\(error)")
      return
    }
    let detail = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
    self =
      switch error.resultCode {
      case .SQLITE_FULL: .diskFull(path: path)
      case .SQLITE_IOERR: .diskFailed(path: path, detail: Self.inputOutputDetail(error, detail))
      case .SQLITE_NOTADB: .notARunFile(path: path)
      case .SQLITE_CORRUPT: .damaged(path: path, detail: detail)
      case .SQLITE_BUSY, .SQLITE_LOCKED: .busy(path: path)
      case .SQLITE_CANTOPEN, .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: .forbidden(path: path, detail: detail)
      default: .unexpected(path: path, detail: detail)
      }
  }

  private static func inputOutputDetail(_ error: DatabaseError, _ detail: String) -> String {
    switch error.extendedResultCode {
    case .SQLITE_IOERR_FSYNC, .SQLITE_IOERR_DIR_FSYNC: "fsync failed"
    case .SQLITE_IOERR_WRITE: "a write failed"
    case .SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ: "a read failed"
    default: detail
    }
  }

  /// Whether the same write may succeed later. Nothing of it has been written.
  var mayPass: Bool {
    switch self {
    case .diskFull, .busy: true
    default: false
    }
  }

  /// Whether nobody can know what the disk holds after this, so that the store must not write again.
  var leavesDiskUnknown: Bool {
    switch self {
    case .diskFailed, .damaged: true
    default: false
    }
  }
}
