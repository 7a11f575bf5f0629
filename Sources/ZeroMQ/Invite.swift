internal import DurableFiles
internal import Glibc

/// All that a process needs in order to join a run, in one file: a key pair of its own, the name and role that the pair is
/// registered under, and the learner's public key. Whoever has the file may join.
///
/// Lines of a word and a value: `name`, `role`, `secret` and `learner`, the last two 40 characters of Z85.
package struct Invite: Sendable {
  package let name: String
  package let role: String
  package let pair: KeyPair
  package let learner: PublicKey

  package init(name: String, role: String, pair: KeyPair, learner: PublicKey) {
    self.name = name
    self.role = role
    self.pair = pair
    self.learner = learner
  }

  private static let bound = 4096
  private static let title = "# An invite to a sophia run. Whoever has this file may join: keep it as secret as a password."

  /// - Throws: `zeromq.key-exposed` if others may read it, `zeromq.not-an-invite`, or a `FileError`.
  package init(file path: String) throws {
    try PrivateFile.require(path)
    let text = String(decoding: try DurableFiles.read(path, limit: Self.bound), as: UTF8.self)
    var values: [Substring: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      guard parts.count == 2, values[parts[0]] == nil else { throw Self.notAnInvite(path) }
      values[parts[0]] = String(parts[1])
    }
    guard let name = values["name"], let role = values["role"], let pair = values["secret"].flatMap(KeyPair.init(secretText:)),
      let learner = values["learner"].flatMap({ PublicKey(z85: $0) })
    else { throw Self.notAnInvite(path) }
    self.init(name: name, role: role, pair: pair, learner: learner)
  }

  /// Readable by its owner only; a file that is there stays as it is, and is an error.
  package func write(to path: String) throws {
    let lines = [Self.title, "name \(name)", "role \(role)", "secret \(pair.secretText)", "learner \(learner.z85)"]
    try PrivateFile.create(lines.map { $0 + "\n" }.joined(), at: path)
  }

  private static func notAnInvite(_ path: String) -> ZeroMQError {
    ZeroMQError(
      code: "not-an-invite", message: "\(path) is not an invite",
      advice: "give the file that `sophia keys invite` wrote where the learner runs, or a folder of keys and --name")
  }
}

/// Files that nobody but their owner may read.
enum PrivateFile {
  /// Others must not be able to read it. One that root owns may be readable by the group of a process that is not root: so a
  /// secret is handed to a container that runs as nobody in particular.
  static func require(_ path: String) throws(ZeroMQError) {
    var status = Glibc.stat()
    guard stat(path, &status) == 0 else { return }
    let isHandedOver = status.st_uid == 0 && geteuid() != 0
    guard status.st_mode & (isHandedOver ? 0o037 : 0o077) != 0 else { return }
    throw ZeroMQError(
      code: "key-exposed", message: "the secret key \(path) can be read by others",
      advice: "make a new pair, or if nobody else has had access: chmod 600 \(path)")
  }

  /// Never at any time readable by others: created with its mode, and given its name when complete.
  static func create(_ text: String, at path: String) throws(FileError) {
    let aside = path + ".partial"
    unlink(aside)
    let descriptor = open(aside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileError("create", path: aside, errno: errno) }
    let bytes = Array(text.utf8)
    let isWritten = write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let number = errno
    close(descriptor)
    guard isWritten, link(aside, path) == 0 else {
      let failed = isWritten ? errno : number
      unlink(aside)
      guard failed == EEXIST else { throw FileError("write", path: path, errno: failed) }
      throw FileError(
        code: "file.exists", message: "there is a key in \(path) already",
        advice: "use it, or move it away if it is to be replaced")
    }
    unlink(aside)
  }
}
