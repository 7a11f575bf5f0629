internal import Foundation

/// Who holds the write lock of a run file on this machine. A learner that was stopped in the middle of a record holds it
/// for as long as it lives, and nobody else can write.
package enum WriteLock {
  /// Of the log's index file, as SQLite's file format documents it: 22 + 8 words of header, then one byte a lock.
  private static let writeByte = 120

  /// Not to be called in a process that has the file open: closing any descriptor of a file drops its process's locks.
  package static func holder(of path: String) -> Int32? {
    let descriptor = open(path + "-shm", O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var lock = Foundation.flock(
      l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: off_t(writeByte), l_len: 1, l_pid: 0)
    guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK), lock.l_pid > 0 else { return nil }
    return lock.l_pid
  }

  /// The process that has held the lock for the whole of `patience`; nil as soon as nobody does. No transaction takes as
  /// long.
  package static func stuckHolder(of path: String, patience: Duration) -> Int32? {
    let deadline = ContinuousClock.now + patience
    var last: Int32?
    while let pid = holder(of: path), last == nil || pid == last {
      if ContinuousClock.now >= deadline { return pid }
      last = pid
      usleep(20_000)
    }
    return nil
  }
}
