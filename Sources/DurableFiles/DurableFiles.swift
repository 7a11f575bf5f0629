internal import ActionableErrors
internal import CLinux
import Foundation

/// A file operation that failed.
package struct FileError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String

  package init(code: String, message: String, advice: String) {
    self.code = code
    self.message = message
    self.advice = advice
  }

  package var isDiskFull: Bool { code == "file.disk-full" }

  /// The failed system call `call` on `path`, explained from `errno`.
  package init(_ call: String, path: String, errno number: Int32) {
    let reason = String(cString: strerror(number))
    let (name, advice) =
      switch number {
      case ENOENT: ("missing", "check the path")
      case EACCES, EPERM, EROFS: ("forbidden", "choose a folder you can write to, or change its permissions")
      case ENOSPC, EDQUOT: ("disk-full", "free some space and run the same command again")
      case EMFILE, ENFILE: ("too-many-open", "raise the limit on open files (ulimit -n)")
      case EIO: ("input-output", "the disk reports an error: check it before going on")
      default: ("failed", "see the reason and try again")
      }
    self.init(code: "file.\(name)", message: "\(call) \(path): \(reason)", advice: advice)
  }
}

/// Files that are either wholly there or not there at all, whatever happens in the middle.
package enum DurableFiles {
  /// Writes `bytes` beside `path`, fsyncs, renames over `path` and fsyncs the directory.
  ///
  /// Processes that write the same path at once take turns.
  package static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    let aside = path + ".partial"
    let descriptor = try openAside(aside)
    defer { close(descriptor) }
    do throws(FileError) {
      try writeAndSync(bytes, to: descriptor, path: aside)
      try rename(aside, to: path)
    } catch {
      unlink(aside)
      throw error
    }
  }

  package static func write(_ text: String, to path: String) throws(FileError) {
    try write(Array(text.utf8), to: path)
  }

  /// Writes a file inside `writeFolder`, which makes it durable together with all the others.
  package static func writeForFolder(_ bytes: [UInt8], to path: String) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path: path)
  }

  /// Fills a folder beside `path` with `fill`, then fsyncs all in it and renames it to `path`. What was there before stays
  /// until that moment: the two change places, and the old one is removed.
  ///
  /// - Parameter fill: receives the path of the empty folder to fill. If it throws, nothing is left behind.
  package static func writeFolder(_ path: String, _ fill: (_ aside: String) throws -> Void) throws {
    let aside = path + ".partial"
    try remove(aside)
    try createFolder(aside)
    do {
      try fill(aside)
      for file in try contents(of: aside) { try sync(aside + "/" + file) }
      try sync(aside)
      try exchange(aside, with: path)
      try remove(aside)
    } catch {
      try? remove(aside)
      throw error
    }
  }

  /// Puts what is at `aside` in the place of `path`, in one step.
  private static func exchange(_ aside: String, with path: String) throws(FileError) {
    guard access(path, F_OK) == 0 else { return try rename(aside, to: path) }
    if exchange_paths(aside, path) == 0 { return try sync(parent(of: path)) }
    guard errno == EINVAL || errno == ENOSYS else { throw FileError("rename", path: path, errno: errno) }
    // This file system cannot: for a moment there is neither.
    try remove(path)
    try rename(aside, to: path)
  }

  /// Renames and makes the new name durable.
  package static func rename(_ from: String, to path: String) throws(FileError) {
    guard Foundation.rename(from, path) == 0 else { throw FileError("rename", path: path, errno: errno) }
    try sync(parent(of: path))
  }

  /// Creates the folder and those above it where they are missing.
  package static func createFolder(_ path: String) throws(FileError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw FileError("mkdir", path: path, errno: underlyingErrno(of: error))
    }
  }

  /// Removes a file or folder; no error if there is none.
  package static func remove(_ path: String) throws(FileError) {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw FileError("remove", path: path, errno: underlyingErrno(of: error))
    }
  }

  /// The whole of a regular file.
  ///
  /// - Parameter limit: bytes; a larger file is refused before it is read.
  package static func read(_ path: String, limit: Int = 1 << 30) throws(FileError) -> [UInt8] {
    let (descriptor, size) = try openToRead(path)
    defer { close(descriptor) }
    guard size <= limit else {
      throw FileError(
        code: "file.too-large", message: "\(path) has \(size) bytes, more than the \(limit) allowed here",
        advice: "check that it is the right file")
    }
    return try read(descriptor, path: path, offset: 0, count: size)
  }

  /// At most `count` bytes from `offset`; fewer at the end of the file.
  package static func read(_ path: String, offset: Int, count: Int) throws(FileError) -> [UInt8] {
    let (descriptor, size) = try openToRead(path)
    defer { close(descriptor) }
    guard offset >= 0, offset < size else { return [] }
    return try read(descriptor, path: path, offset: offset, count: min(count, size - offset))
  }

  private static func openToRead(_ path: String) throws(FileError) -> (descriptor: Int32, size: Int) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw FileError(code: "file.not-regular", message: "\(path) is not a file", advice: "name a file")
    }
    return (descriptor, Int(status.st_size))
  }

  private static func read(
    _ descriptor: Int32, path: String, offset: Int, count: Int
  ) throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let step = bytes.withUnsafeMutableBytes {
        pread(descriptor, $0.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
      }
      if step < 0, errno == EINTR { continue }
      guard step >= 0 else { throw FileError("read", path: path, errno: errno) }
      if step == 0 { break }
      done += step
    }
    bytes.removeLast(count - done)
    return bytes
  }

  private static func contents(of folder: String) throws(FileError) -> [String] {
    do {
      return try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
    } catch {
      throw FileError("list", path: folder, errno: underlyingErrno(of: error))
    }
  }

  /// How long a call waits for another process that writes the same path.
  private static let patience = Duration.seconds(10)

  /// An empty file at `aside` that is locked by this call until its descriptor is closed.
  private static func openAside(_ aside: String) throws(FileError) -> Int32 {
    while true {
      let descriptor = open(aside, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError("open", path: aside, errno: errno) }
      guard lock(descriptor) else {
        close(descriptor)
        throw FileError(
          code: "file.locked", message: "another process has been writing \(aside) for \(Int(patience.components.seconds)) s",
          advice: "end that process (fuser \(aside) names it) and run the same command again")
      }
      // Whoever held the lock before may have renamed this very file to its place.
      var (mine, there) = (stat(), stat())
      guard fstat(descriptor, &mine) == 0, stat(aside, &there) == 0, mine.st_ino == there.st_ino else {
        close(descriptor)
        continue
      }
      guard ftruncate(descriptor, 0) == 0 else {
        let number = errno
        close(descriptor)
        throw FileError("truncate", path: aside, errno: number)
      }
      return descriptor
    }
  }

  private static func lock(_ descriptor: Int32) -> Bool {
    let deadline = ContinuousClock.now + patience
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR, ContinuousClock.now < deadline else { return false }
      usleep(2000)
    }
    return true
  }

  private static func writeAndSync(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
    try writeAll(bytes, to: descriptor, path: path)
    guard fsync(descriptor) == 0 else { throw FileError("fsync", path: path, errno: errno) }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, path: String) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileError("write", path: path, errno: errno) }
      done += count
    }
  }

  /// The folder that `path` lies in. Foundation's `deletingLastPathComponent` traps on a name of one character.
  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func sync(_ path: String) throws(FileError) {
    let descriptor = open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("fsync", path: path, errno: errno) }
  }

  private static func underlyingErrno(of error: any Error) -> Int32 {
    let error = error as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(error.code) }
    if let under = error.userInfo[NSUnderlyingErrorKey] as? NSError, under.domain == NSPOSIXErrorDomain {
      return Int32(under.code)
    }
    return error.code == CocoaError.Code.fileWriteOutOfSpace.rawValue ? ENOSPC : EACCES
  }
}
