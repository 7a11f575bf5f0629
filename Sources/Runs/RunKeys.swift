internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Limits
package import Rollout
package import ZeroMQ

/// The key pairs of a run and who may do what with them: `NAME` (secret, mode 0600), `NAME.pub`, and `allowed`, one line a
/// key: name, role, public key.
package struct RunKeys: Sendable {
  package let folder: String

  package init(folder: String) {
    self.folder = folder
  }

  package static let learnerName = Role.learner.rawValue

  /// Makes what is missing for a local run; what is there stays.
  package func create(scorers: Int, workers: Int) throws {
    try createFolder()
    let names =
      [(Self.learnerName, Role.learner)] + (0..<scorers).map { ("scorer-\($0)", Role.scorer) }
      + (0..<workers).map { ("worker-\($0)", Role.worker) }
    // Keys that somebody registered by hand, for peers on other machines, stay.
    let made = Set(names.map(\.0))
    var peers = try allowed(orNone: true).filter { !made.contains($0.name) }
    for (name, role) in names {
      if !FileManager.default.fileExists(atPath: secret(of: name)) {
        try KeyPair.generate().write(to: secret(of: name))
      }
      peers.append(AllowedPeer(name: name, role: role, publicKey: try publicKey(of: name).z85))
    }
    try write(peers)
  }

  package func pair(of name: String) throws -> KeyPair {
    try require(secret(of: name), "make the pair with `sophia keys new \(name) --keys \(folder)`")
    return try KeyPair(file: secret(of: name))
  }

  package func publicKey(of name: String) throws -> PublicKey {
    let file = secret(of: name) + ".pub"
    try require(file, "copy \(name).pub there from where that pair is")
    return try PublicKey(file: file)
  }

  private func require(_ file: String, _ advice: String) throws {
    guard !FileManager.default.fileExists(atPath: file) else { return }
    throw FileError(
      code: "keys.missing", message: "there is no \(file), and without keys nothing listens or joins, on any address", advice: advice)
  }

  /// The keys that may connect, without the learner's own.
  ///
  /// - Parameter orNone: whether a missing file means that there are none yet.
  package func allowed(orNone: Bool = false) throws -> [AllowedPeer] {
    if orNone, !FileManager.default.fileExists(atPath: allowedFile) { return [] }
    let text = String(decoding: try DurableFiles.read(allowedFile, limit: Limits.standard.texts.settings), as: UTF8.self)
    // Lines may end as they do on Windows: that line end is one character, which is no "\n".
    return try text.split(whereSeparator: \.isNewline).enumerated().compactMap { index, line in
      let parts = line.split(separator: " ").map(String.init)
      guard parts.count == 3, let role = Role(rawValue: parts[1]), PublicKey(z85: parts[2]) != nil else {
        throw FileError(
          code: "keys.bad-line", message: "\(allowedFile) line \(index + 1) is not NAME ROLE KEY",
          advice: "write one line a key: a name, scorer, worker or observer, and the 40 characters of its .pub file")
      }
      return role == .learner ? nil : AllowedPeer(name: parts[0], role: role, publicKey: parts[2])
    }
  }

  private var allowedFile: String { "\(folder)/allowed" }
  private func secret(of name: String) -> String { "\(folder)/\(name)" }
}
