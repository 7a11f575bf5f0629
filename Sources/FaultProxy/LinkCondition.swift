/// What a link does to the bytes of one direction.
package struct LinkCondition: Sendable, Hashable, Codable {
  /// Added to every byte; order is kept. Below zero is zero.
  package var delay: Duration = .zero
  /// A uniform extra delay from zero to this, drawn from the link's seed for what is read at once; order is kept, so a short
  /// draw waits for a longer one before it.
  package var jitter: Duration = .zero
  /// What the connections of the link share, taking turns, so that a long transfer does not starve a short message. Nil: as
  /// fast as the machine.
  package var bytesPerSecond: Int? = nil
  /// Nothing passes in this direction, as in a partition. Bytes, and the end of a connection, wait in the proxy; once
  /// `LinkLimits.waitingBytes` wait, the sender's TCP window closes. Connections cannot be made while a direction is cut: a
  /// handshake needs both, so its packets are lost and the kernel tries again later.
  package var isCut: Bool = false
  /// The chance that of a block of `LinkLimits.blockBytes` one byte is changed. Which blocks, bytes and bits is a function of
  /// the seed, the connection and the place in its stream.
  package var corruption: Double = 0

  package static let clear = LinkCondition()

  package init(
    delay: Duration = .zero, jitter: Duration = .zero, bytesPerSecond: Int? = nil, isCut: Bool = false,
    corruption: Double = 0
  ) {
    self.delay = delay
    self.jitter = jitter
    self.bytesPerSecond = bytesPerSecond
    self.isCut = isCut
    self.corruption = corruption
  }

  /// Bytes are neither kept back nor paced.
  var isPrompt: Bool { delay <= .zero && jitter <= .zero && bytesPerSecond == nil && !isCut }

  /// How many bytes of one connection may wait in the proxy.
  var waitingLimit: Int {
    if isCut || delay > .zero || jitter > .zero { return LinkLimits.waitingBytes }
    // A deep queue before a slow link would turn it into a late one.
    if let rate = bytesPerSecond { return min(max(rate / 4, LinkLimits.fewestWaitingBytes), LinkLimits.waitingBytes) }
    return LinkLimits.bytesReadAtOnce
  }
}
