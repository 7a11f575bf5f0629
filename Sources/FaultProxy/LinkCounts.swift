/// What has happened on a link since it was made: the proof that a fault acted.
package struct LinkCounts: Sendable, Hashable, Codable {
  /// Connections taken from clients.
  package var connections = 0
  /// Bytes handed on to the server.
  package var bytesToServer = 0
  /// Bytes handed on to clients.
  package var bytesToClient = 0
  /// Bytes that a delay or jitter kept for a while.
  package var bytesDelayed = 0
  /// Bytes that a cut kept back, each counted once.
  package var bytesHeld = 0
  package var bytesCorrupted = 0
  /// Bytes that vanished in frozen connections.
  package var bytesSwallowed = 0
  /// Connections that went silent.
  package var frozen = 0
  /// Connections that the link reset of its own accord.
  package var resets = 0
  /// Times that the link began to refuse connections. The kernel turns them away from then on and does not count them.
  package var refused = 0
  /// Connections ended because the server was not there.
  package var withoutServer = 0
  /// Times that bytes had to wait for a slow link.
  package var pausesForRate = 0

  package init() {}

  mutating func forwarded(_ count: Int, _ direction: LinkDirection) {
    switch direction {
    case .toServer: bytesToServer += count
    case .toClient: bytesToClient += count
    }
  }
}
