/// What the connections of a bound socket may take of this process.
///
/// libzmq bounds the size of a frame and the number of whole messages that wait, but neither the number of connections nor the
/// frames of a message that does not end, and it reads up to a whole frame from who has proved nothing yet.
package struct ConnectionLimits: Sendable, Hashable {
  /// Connections in all.
  package var connections: Int
  /// Those of them that have not had their handshake.
  package var strangers: Int
  /// Bytes that all such have sent together.
  package var strangerBytes: Int
  /// Bytes that have come over all connections together, in messages that nobody has read yet, whole or not.
  package var unreadBytes: Int

  package init(connections: Int, strangers: Int, strangerBytes: Int, unreadBytes: Int) {
    self.connections = connections
    self.strangers = strangers
    self.strangerBytes = strangerBytes
    self.unreadBytes = unreadBytes
  }
}
