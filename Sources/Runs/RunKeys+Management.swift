internal import ActionableErrors
internal import DurableFiles
internal import Foundation
package import Rollout
package import ZeroMQ

/// What `sophia keys` does: pairs are made where their process runs, and only public halves travel.
extension RunKeys {
  /// A key of the folder: a pair, a line of the allow-list, or both.
  package struct Entry: Sendable, Hashable {
    package let name: String
    /// nil for a pair that is not allowed to join.
    package let role: Role?
    package let publicKey: PublicKey
    /// Whether the secret half lies in this folder.
    package let hasSecret: Bool
  }

  /// Everything in the folder, by name.
  package func entries() throws -> [Entry] {
    let allowed = try self.allowed(orNone: true)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    let pairs = files.filter { $0.hasSuffix(".pub") }.map { String($0.dropLast(4)) }
    return try Set(pairs + allowed.map(\.name)).sorted().map { name in
      let line = allowed.first { $0.name == name }
      let key = try line.flatMap { PublicKey(z85: $0.publicKey) } ?? publicKey(of: name)
      return Entry(
        name: name, role: name == Self.learnerName ? .learner : line?.role, publicKey: key,
        hasSecret: FileManager.default.fileExists(atPath: "\(folder)/\(name)"))
    }
  }

  /// A new pair; one that is there stays, and is an error.
  package func new(_ name: String) throws -> PublicKey {
    try Self.check(name)
    try createFolder()
    let pair = try KeyPair.generate()
    try pair.write(to: "\(folder)/\(name)")
    return pair.publicKey
  }

  /// Registers a key, in place of the one that `name` had.
  ///
  /// - Throws: if the key is registered under another name: rights would depend on which line is read last.
  package func allow(_ name: String, as role: Role, _ key: PublicKey) throws {
    try Self.check(name)
    guard role != .learner, name != Self.learnerName else {
      throw KeysError("learner", "the learner's own key is not registered", advice: "give its .pub file to those who join")
    }
    try edit { peers in
      if let other = peers.first(where: { $0.publicKey == key.z85 && $0.name != name }) {
        throw KeysError("registered", "the key \(key) is registered as \(other.name)", advice: "every process has a key of its own: make one with `sophia keys new`")
      }
      peers.removeAll { $0.name == name }
      peers.append(AllowedPeer(name: name, role: role, publicKey: key.z85))
    }
  }

  /// Makes a pair for `name`, lets it join, and writes all that its process needs to `file`. The pair is kept nowhere else.
  ///
  /// - Returns: the pair's public half.
  package func invite(_ name: String, as role: Role, to file: String) throws -> PublicKey {
    try Self.check(name)
    if let known = try allowed(orNone: true).first(where: { $0.name == name }) {
      throw KeysError(
        "taken", "\(name) may join already, as \(known.role.rawValue)",
        advice: "choose another name, or shut that key out first with `sophia keys revoke \(name)`")
    }
    let pair = try KeyPair.generate()
    try Invite(name: name, role: role.rawValue, pair: pair, learner: try publicKey(of: Self.learnerName)).write(to: file)
    do {
      try allow(name, as: role, pair.publicKey)
    } catch {
      try? DurableFiles.remove(file)
      throw error
    }
    return pair.publicKey
  }

  /// Takes a name off the list. A running learner shuts the key out at its next message.
  ///
  /// - Returns: the key that it had.
  package func revoke(_ name: String) throws -> PublicKey {
    var revoked: PublicKey?
    try edit { peers in
      guard let place = peers.firstIndex(where: { $0.name == name }) else {
        let names = peers.map(\.name).joined(separator: ", ")
        throw KeysError(
          "unknown-name", "no key is registered as \(name) in \(folder)",
          advice: names.isEmpty ? "none is; see `sophia keys list`" : "there are \(names)")
      }
      revoked = PublicKey(z85: peers.remove(at: place).publicKey)
    }
    guard let revoked else { throw KeysError("unknown-name", "the key of \(name) is none", advice: "see `sophia keys list`") }
    return revoked
  }

  /// A new pair in place of the one that is there, and on the list if the old one was.
  package func rotate(_ name: String) throws -> (old: PublicKey, new: PublicKey) {
    try Self.check(name)
    let secret = "\(folder)/\(name)"
    let old = try pair(of: name).publicKey
    let pair = try KeyPair.generate()
    // Never without a pair: the new one is complete before the old one goes.
    let aside = "\(secret).new"
    for file in [aside, "\(aside).pub"] { try DurableFiles.remove(file) }
    try pair.write(to: aside)
    try DurableFiles.rename("\(aside).pub", to: "\(secret).pub")
    try DurableFiles.rename(aside, to: secret)
    if let line = try allowed(orNone: true).first(where: { $0.name == name }) {
      try edit { peers in
        peers.removeAll { $0.name == name }
        peers.append(AllowedPeer(name: name, role: line.role, publicKey: pair.publicKey.z85))
      }
    }
    return (old, pair.publicKey)
  }

  // MARK: The list

  private func edit(_ change: (inout [AllowedPeer]) throws -> Void) throws {
    try createFolder()
    // Two commands at once must not undo one another.
    let lock = open("\(folder)/allowed.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw FileError("open", path: "\(folder)/allowed.lock", errno: errno) }
    defer { close(lock) }
    let deadline = ContinuousClock.now + .seconds(10)
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      guard ContinuousClock.now < deadline else {
        throw KeysError("in-use", "another command is changing \(folder)/allowed", advice: "wait for it, or stop it")
      }
      usleep(2000)
    }
    var peers = try allowed(orNone: true)
    try change(&peers)
    try write(peers)
  }

  func write(_ peers: [AllowedPeer]) throws {
    let lines = peers.map { "\($0.name) \($0.role.rawValue) \($0.publicKey)\n" }.joined()
    try DurableFiles.write(lines, to: "\(folder)/allowed")
  }

  func createFolder() throws {
    try DurableFiles.createFolder(folder)
    chmod(folder, 0o700)
  }

  /// Names become file names and words of a list.
  private static func check(_ name: String) throws {
    let isPlain = !name.isEmpty && name.utf8.count <= 64 && !name.hasPrefix(".") && !name.hasPrefix("-")
      && name.utf8.allSatisfy { 0x30...0x39 ~= $0 || 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 == 0x2D || $0 == 0x5F || $0 == 0x2E }
    guard isPlain, !["allowed", "allowed.lock"].contains(name), ![".pub", ".new", ".partial", ".invite"].contains(where: name.hasSuffix) else {
      throw KeysError(
        "bad-name", "'\(name.prefix(80))' is no name for a key", advice: "use up to 64 letters, digits, '-', '_' and '.', such as worker-3")
    }
  }
}

package struct KeysError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String

  init(_ code: String, _ message: String, advice: String) {
    self.code = "keys.\(code)"
    self.message = message
    self.advice = advice
  }
}
