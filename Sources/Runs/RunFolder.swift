internal import ActionableErrors
internal import DurableFiles
internal import Foundation

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
  /// Where the learner listens.
  package var endpoint: String { "\(path)/learner.endpoint" }
  package var report: String { "\(path)/report.html" }
  package var summary: String { "\(path)/summary.json" }
  private var lock: String { "\(path)/lock" }

  /// Where the learner listened last; nil if that is not known.
  var lastEndpoint: String? {
    let bytes = try? DurableFiles.read(endpoint, limit: 4096)
    return bytes.flatMap { String(decoding: $0, as: UTF8.self).split(separator: "\n").first.map(String.init) }
  }

  /// Creates the folder, checks that it can be written to, and takes its lock for as long as the result lives.
  ///
  /// - Throws: a `FileError` that says what is wrong with the folder, or that another process is using it.
  package func open(as what: String) throws -> FolderLock {
    try DurableFiles.createFolder(path)
    return try FolderLock(path: lock + "." + what, folder: path)
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
        advice: "wait for it, stop it, or choose another folder with --run")
    }
  }

  deinit {
    close(descriptor)
  }
}
