internal import ActionableErrors
package import DurableFiles
internal import Foundation
package import Rollout

/// Where a peer keeps the model files it was sent. A file that is there with the right hash is not fetched again.
///
/// Each set of files has a folder of its own, named after their hashes: processes of several runs share a cache, and one that
/// starts again, or on the same machine, finds what another has fetched.
package struct ArtifactCache: Sendable {
  private let root: String
  private let local: [String: String]

  /// - Parameter local: folders of this machine that may have the files of `policy` or `thinking`.
  package init(root: String, local: [String: String] = [:]) {
    self.root = root
    self.local = local
  }

  /// The cache of a run's files.
  package func of(_ artifacts: [Artifact]) -> ArtifactCache {
    let names = artifacts.map { "\($0.path) \($0.digest)\n" }.sorted().joined()
    return ArtifactCache(root: "\(root)/\(SHA256Digest(of: Array(names.utf8)).description.prefix(16))", local: local)
  }

  /// The folder of the artifacts whose path begins with `name/`.
  package func folder(of name: String) -> String { "\(root)/\(name)" }

  /// What need not be fetched: it is here, or a local folder has the very same.
  package func present(_ artifacts: [Artifact], log: @Sendable (LogLevel, String) -> Void = { _, _ in }) -> [SHA256Digest] {
    artifacts.filter { artifact in
      if Self.has(artifact, "\(root)/\(artifact.path)") { return true }
      guard let file = localFile(of: artifact), FileManager.default.fileExists(atPath: file) else { return false }
      guard Self.has(artifact, file) else {
        log(.warning, "\(file) is not the run's \(artifact.path): it is fetched from the learner")
        return false
      }
      do {
        try link(artifact, to: file)
        log(.info, "\(artifact.path) is taken from \(file)")
        return true
      } catch {
        log(.warning, "\(file) cannot be taken: \(error)")
        return false
      }
    }.map(\.digest)
  }

  /// - Precondition: the artifact's path has been checked to be FOLDER/FILE (decoding does).
  package func keep(_ artifact: Artifact, bytes: [UInt8]) throws(FileError) {
    try DurableFiles.createFolder(folder(of: Self.folderName(of: artifact)))
    try DurableFiles.write(bytes, to: "\(root)/\(artifact.path)")
  }

  private static func has(_ artifact: Artifact, _ file: String) -> Bool {
    guard let bytes = try? DurableFiles.read(file, limit: artifact.byteCount) else { return false }
    return SHA256Digest(of: bytes) == artifact.digest
  }

  private func localFile(of artifact: Artifact) -> String? {
    local[Self.folderName(of: artifact)].map { "\($0)/\(artifact.path.split(separator: "/").last ?? "")" }
  }

  private func link(_ artifact: Artifact, to file: String) throws {
    try DurableFiles.createFolder(folder(of: Self.folderName(of: artifact)))
    let (place, aside) = ("\(root)/\(artifact.path)", "\(root)/\(artifact.path).\(getpid()).partial")
    try DurableFiles.remove(aside)
    try FileManager.default.createSymbolicLink(
      atPath: aside, withDestinationPath: URL(fileURLWithPath: file).standardizedFileURL.path)
    try DurableFiles.rename(aside, to: place)
  }

  private static func folderName(of artifact: Artifact) -> String { artifact.path.split(separator: "/").first.map(String.init) ?? "" }
}
