internal import DurableFiles
internal import Foundation
internal import RunStore
internal import Runs

/// What disks do to a learner.
struct StorageFaults: Sendable {
  let folder: RunFolder
  let board: ProcessBoard
  let disk: SmallFileSystem?
  let observer: RunObserver
  let log: RoleLog

  /// Fills the disk.
  ///
  /// - Returns: what empties it and says what it did.
  func fill() -> @Sendable () -> Proof {
    let filled = disk?.fill() ?? .missing("the run is not on a file system of its own")
    let mark = log.mark()
    // What was on its way to the disk is either there by now or waits.
    usleep(100_000)
    let before = observer.latest.admitted
    return { [self] in
      let after = observer.latest.admitted
      let said = log.lines(since: mark).first {
        $0.contains("nothing is admitted for now") || $0.contains("no checkpoint of step")
      }
      disk?.free()
      let effect =
        said.map { Proof.found("the learner said: \($0)") }
        ?? (after == before
          ? .found("no group was admitted while it was full")
          : .missing("\(after - before) groups were admitted while it was full"))
      return filled + effect
    }
  }

  /// Lets the next fsync of the learner fail, and waits until it has.
  func failSync() async throws -> Proof {
    let pid = try await board.running("learner")
    let record = "\(folder.path).fsync"
    try DurableFiles.remove(record)
    let tracer = Process()
    tracer.executableURL = URL(fileURLWithPath: CommandLineTool.strace.path)
    tracer.arguments = [
      "-f", "-y", "-s", "0", "-o", record, "-p", "\(pid)", "-e", "trace=fsync,fdatasync", "-e",
      "inject=fsync,fdatasync:error=EIO:when=1",
    ]
    tracer.standardOutput = FileHandle.nullDevice
    tracer.standardError = FileHandle.nullDevice
    try tracer.run()
    defer {
      if tracer.isRunning { tracer.terminate() }
      unlink(record)
    }
    while true {
      let isOver = !tracer.isRunning || Task.isCancelled
      let text = (try? String(contentsOfFile: record, encoding: .utf8)) ?? ""
      if let line = text.split(separator: "\n").first(where: { $0.contains("(INJECTED)") }) {
        guard let end = try await board.end(of: pid) else { return .missing("\(line)", "the learner has not ended") }
        return .found(
          line.drop { $0.isNumber || $0 == " " }.replacingOccurrences(of: folder.path + "/", with: ""),
          "the learner \(end.end)")
      }
      if isOver { return .missing("strace saw no fsync of process \(pid)") }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Flips a bit of the newest checkpoint while the learner stands still, and kills it.
  func damageCheckpoint() async throws -> Proof {
    let pid = try await board.running("learner")
    while true {
      kill(pid, SIGSTOP)
      if let newest = try newestCheckpoint() {
        let place = try flipBit(of: "\(folder.path)/\(newest.path)/model.safetensors")
        let mark = log.mark()
        kill(pid, SIGKILL)
        let end = try await board.end(of: pid)
        let flipped = Proof.found(
          "bit flipped at byte \(place) of \(newest.path)/model.safetensors",
          "process \(pid) \(end.map { "\($0.end)" } ?? "has not ended")")
        let text = "the checkpoint of step \(newest.step) is not used"
        let refusal = try await log.wait(for: text, since: mark, within: .seconds(30))
        return flipped
          + (refusal.map { .found("the learner said: \($0.prefix(160))") } ?? .missing("the learner did not refuse it"))
      }
      kill(pid, SIGCONT)
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private func newestCheckpoint() throws -> LedgerAudit.Checkpoint? {
    try RunReader(path: folder.store).audit().checkpoints.last { $0.step > 0 }
  }

  private func flipBit(of path: String) throws -> Int {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    defer { close(descriptor) }
    let middle = lseek(descriptor, 0, SEEK_END) / 2
    var byte: UInt8 = 0
    guard pread(descriptor, &byte, 1, middle) == 1 else { throw FileError("read", path: path, errno: errno) }
    byte ^= 0x10
    guard pwrite(descriptor, &byte, 1, middle) == 1 else { throw FileError("write", path: path, errno: errno) }
    return Int(middle)
  }
}
