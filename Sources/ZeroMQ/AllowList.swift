internal import Synchronization

/// A key that may connect, whose it is, and what it may do.
package struct RegisteredPeer: Sendable, Hashable {
  package let key: PublicKey
  package let name: String
  /// What the program lets this key do; sockets do not look at it.
  package let role: String

  package init(key: PublicKey, name: String, role: String) {
    self.key = key
    self.name = name
    self.role = role
  }
}

/// The keys that may connect, shared by the authenticator and by those who check each message.
///
/// A key that is revoked can make no new connection, and `sender(of:)` no longer knows it, so that the connections it
/// still has are of no use.
package final class AllowList: Sendable {
  private let peers: Mutex<[PublicKey: RegisteredPeer]>

  package init(_ peers: [RegisteredPeer] = []) {
    self.peers = Mutex(Dictionary(peers.map { ($0.key, $0) }) { _, last in last })
  }

  /// Everyone registered, by name.
  package var all: [RegisteredPeer] {
    peers.withLock { $0.values.sorted { ($0.name, $0.key.z85) < ($1.name, $1.key.z85) } }
  }

  /// Registers a key, in place of what it was registered as before.
  package func allow(_ peer: RegisteredPeer) {
    peers.withLock { $0[peer.key] = peer }
  }

  /// Makes exactly `peers` the registered ones.
  package func replaceAll(with peers: [RegisteredPeer]) {
    let table = Dictionary(peers.map { ($0.key, $0) }) { _, last in last }
    self.peers.withLock { $0 = table }
  }

  package func revoke(_ key: PublicKey) {
    peers.withLock { $0[key] = nil }
  }

  package func peer(holding key: PublicKey) -> RegisteredPeer? {
    peers.withLock { $0[key] }
  }

  /// Who sent a received message, by the key that its connection was authenticated with: nil without authentication
  /// and for a key that has been revoked since.
  package func sender(of message: Multipart) -> RegisteredPeer? {
    message.authenticatedUser.flatMap(PublicKey.init(z85:)).flatMap(peer(holding:))
  }
}
