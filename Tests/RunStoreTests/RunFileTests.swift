import DurableFiles
import Foundation
import GRDB
import Rollout
import Testing

@testable import RunStore

@Suite("Opening and losing a run file")
struct RunFileTests {
  let folder: TemporaryFolder
  var path: String { folder.file("run.sqlite") }

  init() throws {
    folder = try TemporaryFolder()
  }

  @Test("what was committed is there after the process that wrote it is gone without a word")
  func reopened() throws {
    do {
      let store = try RunStore(path: path)
      try store.commit([.incarnation(1)] + Sample.untilAdmission(0..<2))
    }
    let store = try RunStore(path: path)
    #expect(try store.rollBack(to: 0).groups.count == 2)
  }

  @Test("a file that is no database is refused and left alone", arguments: ["hello, I am a text", String(repeating: "x", count: 8192)])
  func notADatabase(text: String) throws {
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    #expect(code { _ = try RunStore(path: path) } == "store.not-a-run-file")
    #expect(code { _ = try RunReader(path: path) } == "store.not-a-run-file")
    #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
  }

  @Test("a database of another program is refused and left alone")
  func foreign() throws {
    try DatabaseQueue(path: path).write { try $0.execute(sql: "CREATE TABLE recipes (name TEXT)") }
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    #expect(code { _ = try RunStore(path: path) } == "store.not-a-run-file")
    #expect(code { _ = try RunTelemetry(path: path) } == "store.not-a-run-file")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
  }

  @Test("a run file of a newer version is refused")
  func newer() throws {
    _ = try RunStore(path: path)
    try DatabaseQueue(path: path).write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 of the future')") }
    #expect(code { _ = try RunStore(path: path) } == "store.newer-schema")
    #expect(code { _ = try RunReader(path: path) } == "store.newer-schema")
  }

  @Test("a file or a folder that is not there is named")
  func missing() {
    #expect(code { _ = try RunReader(path: folder.file("none.sqlite")) } == "store.missing")
    #expect(code { _ = try RunStore(path: folder.file("none/run.sqlite")) } == "store.forbidden")
    // No folder of /proc takes a new file, not even from root.
    #expect(code { _ = try RunStore(path: "/proc/self/task/run.sqlite") } == "store.forbidden")
  }

  /// A log that is a device fails as a disk does, at the very system call. Only root may make one.
  static let canMakeDevices = geteuid() == 0

  private func replaceLog(byDevice minor: UInt) throws {
    try #require(mknod(path + "-wal", S_IFCHR | 0o600, 1 << 8 | minor) == 0)
  }

  @Test("a full disk is named, and nothing is acknowledged", .enabled(if: canMakeDevices))
  func diskFull() throws {
    _ = try RunStore(path: path)
    try replaceLog(byDevice: 7)  // /dev/full
    let store = try RunStore(path: path)
    #expect(code { try store.commit([.incarnation(1)]) } == "paused")
    #expect(code { try store.commit([.incarnation(1)]) } == "paused")
  }

  @Test("nobody holds the lock of a run file that nobody writes")
  func unlocked() throws {
    let store = try RunStore(path: path)
    try store.commit([.incarnation(1)])
    try store.close()
    #expect(WriteLock.holder(of: path) == nil)
    #expect(WriteLock.stuckHolder(of: path, patience: .milliseconds(100)) == nil)
  }

  @Test("once the log is folded in, the file can be copied by itself")
  func copied() throws {
    let store = try RunStore(path: path)
    try store.commit(Sample.untilAdmission(0..<3))
    try RunTelemetry(path: path).foldLog()
    try DurableFiles.write(DurableFiles.read(path), to: path + ".copy")
    #expect(try RunReader(path: path + ".copy").counts()[.admitted] == 3)
  }

  @Test("after a failed fsync nothing is written any more: it is never tried again", .enabled(if: canMakeDevices))
  func fsyncFails() throws {
    _ = try RunStore(path: path)
    try replaceLog(byDevice: 3)  // /dev/null takes every write and refuses fsync
    let store = try RunStore(path: path)
    #expect(code { try store.commit([.incarnation(1)]) } == "store.disk-failed")
    #expect(code { try store.commit([.incarnation(1)]) } == "store.stopped")
    #expect(code { _ = try store.rollBack(to: 0) } == "store.stopped")
  }

  @Test("a learner that was replaced can write nothing")
  func fenced() throws {
    let first = try RunStore(path: path)
    try first.commit([.incarnation(1)] + Sample.issued(0..<2))
    let second = try RunStore(path: path)
    _ = try second.rollBack(to: 0)
    try second.commit([.incarnation(2)])
    #expect(code { try first.commit([Sample.leased(0, 1)]) } == "store.fenced")
    #expect(code { _ = try first.rollBack(to: 0) } == "store.fenced")
    try second.commit([Sample.leased(0, 1, incarnation: 2)])
  }

  @Test("another process reads while the learner writes")
  func concurrentReader() async throws {
    let store = try RunStore(path: path)
    let reader = try RunReader(path: path)
    try store.commit([.incarnation(1)])
    async let writing: Void = Task.detached {
      for prompt in UInt32(0)..<50 { try store.commit(Sample.untilAdmission(prompt..<prompt + 1)) }
    }.value
    var seen = 0
    while seen < 50 {
      let counts = try reader.counts()
      #expect(counts.issued == counts.byState.values.reduce(0, +))
      #expect(counts.issued >= seen)
      seen = counts.issued
      await Task.yield()
    }
    try await writing
  }

  @Test("telemetry and journal share the file without getting into each other's way")
  func telemetryBeside() async throws {
    let store = try RunStore(path: path)
    let telemetry = try RunTelemetry(path: path)
    try store.commit([.incarnation(1)])
    async let noting: Void = Task.detached {
      for number in 0..<100 { try telemetry.record(event: RunEvent(source: "learner", "event \(number)")) }
    }.value
    for prompt in UInt32(0)..<50 { try store.commit(Sample.untilAdmission(prompt..<prompt + 1)) }
    try await noting
    let reader = try RunReader(path: path)
    #expect(try reader.events().count == 100)
    #expect(try reader.counts()[.admitted] == 50)
  }

  @Test("a finished run can be read where nothing can be written")
  func immutable() throws {
    let store = try RunStore(path: path)
    try store.commit([.incarnation(1)] + Sample.issued(0..<3))
    try store.close()
    #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    #expect(try RunReader(path: path).counts().issued == 3)
  }
}
