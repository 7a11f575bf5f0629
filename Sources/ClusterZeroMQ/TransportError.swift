internal import ActionableErrors
internal import Rollout
internal import ZeroMQ

/// Why a transport cannot be set up or go on, where it is not the sockets' own fault.
struct TransportError: ActionableError {
  let code: String
  let message: String
  let advice: String

  static func refused(by learner: TCPEndpoint, _ key: PublicKey) -> TransportError {
    TransportError(
      code: "transport.key-refused", message: "the learner at \(learner) refuses this process's key, \(key)",
      advice: "have the key allowed for the run")
  }

  static func notAKey(of name: String) -> TransportError {
    TransportError(
      code: "transport.not-a-key", message: "what is given as the public key of \(name) is not one",
      advice: "give the 40 characters of its .pub file")
  }
}

extension RegisteredPeer {
  init(_ peer: AllowedPeer) throws {
    guard let key = PublicKey(z85: peer.publicKey) else { throw TransportError.notAKey(of: peer.name) }
    self.init(key: key, name: peer.name, role: peer.role.rawValue)
  }
}
