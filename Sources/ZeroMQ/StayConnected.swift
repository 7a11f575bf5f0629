extension Channel {
  /// libzmq says within moments of a loss whether it will connect again.
  private static var renewalInterval: Duration { .milliseconds(500) }

  /// Connects, for as long as the socket is open, even to a peer that refuses it now. For one endpoint a socket.
  ///
  /// libzmq connects again by itself when a connection breaks, but gives it up for good when the peer turns it away or
  /// breaks the protocol: a peer that was allowed a moment too late, say, would never get in.
  package func stayConnected(to endpoint: String) throws(ZeroMQError) {
    var losses = 0
    var isLost = false
    try watch { [unowned self] event in
      switch event.kind {
      case .connecting, .connectRetried, .connected: isLost = false
      case .disconnected, .handshakeFailed:
        isLost = true
        losses += 1
        let loss = losses
        loop.schedule(after: Self.renewalInterval) { [weak self] in
          guard let self, isLost, loss == losses else { return }
          isLost = false
          connectAnew(to: endpoint)
        }
      default: break
      }
    }
    try connect(endpoint)
  }

  /// Gives up the connection to `endpoint`, whatever state it seems to be in, and makes another.
  package func connectAnew(to endpoint: String) {
    guard handle != nil else { return }
    // There may be nothing left to disconnect.
    try? disconnect(endpoint)
    do throws(ZeroMQError) { try connect(endpoint) } catch { onFailure?(error) }
  }
}
