internal import ActionableErrors
package import DurableFiles
package import Rollout

/// Where a peer keeps the model files it was sent. A file that is there with the right hash is not fetched again.
package struct ArtifactCache: Sendable {
  private let root: String

  package init(root: String) {
    self.root = root
  }

  /// The folder of the artifacts whose path begins with `name/`.
  package func folder(of name: String) -> String { "\(root)/\(name)" }

  package func present(_ artifacts: [Artifact]) -> [SHA256Digest] {
    artifacts.filter { artifact in
      guard let bytes = try? DurableFiles.read("\(root)/\(artifact.path)", limit: artifact.byteCount) else {
        return false
      }
      return SHA256Digest(of: bytes) == artifact.digest
    }.map(\.digest)
  }

  /// - Precondition: the artifact's path has been checked to be FOLDER/FILE (decoding does).
  package func keep(_ artifact: Artifact, bytes: [UInt8]) throws(FileError) {
    let folder = artifact.path.split(separator: "/").first.map(String.init) ?? ""
    try DurableFiles.createFolder("\(root)/\(folder)")
    try DurableFiles.write(bytes, to: "\(root)/\(artifact.path)")
  }
}
