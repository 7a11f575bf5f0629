internal import ActionableErrors
package import Cluster
internal import DurableFiles
internal import Foundation
internal import Settings

/// Where the files of a run lie.
package struct RunFolder: Sendable, Hashable {
  /// Absolute.
  package let path: String

  package init(_ path: String) {
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
  }

  /// The resolved settings, in the form that `sophia train` and `sophia learner` accept.
  package var settings: String { "\(path)/settings.json" }
  /// The ledger, groups, steps, metrics and events.
  package var store: String { "\(path)/run.sqlite" }
  package var checkpoints: String { "\(path)/checkpoints" }
  /// The trained policy, in Hugging Face layout.
  package var policy: String { "\(path)/policy" }
  package var keys: String { "\(path)/keys" }
  /// Greedy answers to the held-out rows, before and after.
  package var evaluations: String { "\(path)/evaluations" }
  package var logs: String { "\(path)/logs" }
  /// Model files that local workers and scorers were sent.
  package var cache: String { "\(path)/cache" }
  /// Where the learner listens: its control endpoint, its process, and the endpoints for weights and for groups, one a line.
  package var endpoint: String { "\(path)/learner.endpoint" }
  package var report: String { "\(path)/report.html" }
  package var summary: String { "\(path)/summary.json" }
  private var lock: String { "\(path)/lock" }

  /// Where the learner listened last; nil if that is not known.
  package var learnerAddresses: LearnerAddresses? {
    guard let bytes = try? DurableFiles.read(endpoint, limit: 4096) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    guard lines.count >= 4, let pid = Int32(lines[1]), let publish = Self.port(of: lines[2]),
      let data = Self.port(of: lines[3])
    else { return nil }
    return LearnerAddresses(control: lines[0], publish: publish, data: data, pid: pid)
  }

  private static func port(of endpoint: String) -> UInt16? {
    endpoint.lastIndex(of: ":").flatMap { UInt16(endpoint[endpoint.index(after: $0)...]) }
  }

  /// Creates the folder, checks that it can be written to, and takes its lock for as long as the result lives.
  ///
  /// - Parameter takingOver: whether the lock of a process that holds it is set aside. Only for a learner: the journal
  ///   shuts out the one that is replaced.
  /// - Throws: a `FileError` that says what is wrong with the folder, or that another process is using it.
  package func open(as what: String, takingOver: Bool = false) throws -> FolderLock {
    try DurableFiles.createFolder(path)
    if takingOver { try DurableFiles.remove(lock + "." + what) }
    return try FolderLock(path: lock + "." + what, folder: path)
  }

  /// A run folder belongs to one run: what is in it and what is asked for must agree.
  func keep(_ settings: RunSettings) throws {
    let text = try settings.json()
    guard FileManager.default.fileExists(atPath: self.settings) else {
      return try DurableFiles.write(text + "\n", to: self.settings)
    }
    let earlier = String(decoding: try DurableFiles.read(self.settings, limit: 1 << 20), as: UTF8.self)
    guard earlier != text + "\n" else { return }
    throw RunError(
      code: "run.other-settings", message: "\(path) holds a run with other settings (\(Self.differences(earlier, text)))",
      advice: "choose another folder with run.folder=..., or give the same settings to go on with that run")
  }

  private static func differences(_ earlier: String, _ now: String) -> String {
    let old = Set(earlier.split(separator: "\n"))
    let lines = now.split(separator: "\n").filter { !old.contains($0) }.map { $0.trimmingCharacters(in: .whitespaces) }
    return lines.isEmpty ? "it has settings that this build does not know" : "now " + lines.prefix(5).joined(separator: " ")
  }
}

/// Holds a run folder against a second process with the same purpose.
package final class FolderLock: Sendable {
  private let descriptor: Int32

  init(path: String, folder: String) throws(FileError) {
    descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw FileError("open", path: path, errno: errno) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw FileError(
        code: "run.in-use", message: "another process is using the run folder \(folder)",
        advice: "wait for it, stop it, or choose another folder; a learner that hangs is replaced with --take-over")
    }
  }

  deinit {
    close(descriptor)
  }
}
