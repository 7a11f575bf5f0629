internal import ActionableErrors
internal import DurableFiles
internal import Foundation
internal import Rollout
internal import ZeroMQ

/// The pair that a process joins a run with, and the learner's key, from an invite or from a folder of keys.
struct JoinKeys {
  let pair: KeyPair
  let learner: PublicKey

  /// - Parameters:
  ///   - path: an invite, or a folder with `name`'s pair and learner.pub.
  ///   - role: what the process is; an invite for another role is refused before anybody is asked.
  init(_ path: String, name: String?, as role: Role) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw KeysError(
        "missing", "there is no \(path), and without keys nobody joins, on any address",
        advice: "make an invite where the learner runs, `sophia keys invite NAME --role \(role.rawValue) --keys KEYS`, and bring it here")
    }
    if isFolder.boolValue {
      guard let name else {
        throw KeysError("no-name", "\(path) is a folder of keys and none is named", advice: "say which with --name, or give an invite")
      }
      let keys = RunKeys(folder: path)
      (pair, learner) = (try keys.pair(of: name), try keys.publicKey(of: RunKeys.learnerName))
      return
    }
    let invite = try Invite(file: path)
    guard invite.role == role.rawValue else {
      throw KeysError(
        "other-role", "\(path) is for \(invite.role)s, and this is to join as \(role.rawValue)",
        advice: "make another with `sophia keys invite NAME --role \(role.rawValue)`")
    }
    if let name, name != invite.name {
      throw KeysError("other-name", "\(path) invites \(invite.name), not \(name)", advice: "leave --name out: the invite has it")
    }
    (pair, learner) = (invite.pair, invite.learner)
  }
}
