/// The bounds of the proxy.
package enum LinkLimits {
  /// Bytes of one direction of one connection that wait in the proxy at most.
  package static let waitingBytes = 4 << 20
  /// The unit of corruption.
  package static let blockBytes = 1024

  static let bytesReadAtOnce = 256 << 10
  /// What may wait before the slowest link: a few messages.
  static let fewestWaitingBytes = 64 << 10
  /// What a connection carries before others get their turn.
  static let bytesInTurn = 1 << 20
  /// What a connection carries of a shared rate before others get their turn.
  static let bytesInTurnOfRate = 4 << 10
  /// Connections taken before others get their turn.
  static let connectionsInTurn = 64
  /// Connections that the kernel keeps while none is taken.
  static let backlog: Int32 = 1024
  /// Bytes that arrive within this are due together, the earlier ones a little late.
  static let sharedDueTime = Duration.microseconds(100)
  /// A shared rate that is not used saves up for this long.
  static let burstsPerSecond = 50
  /// After which new connections are tried again when the process is out of file descriptors.
  static let pauseWithoutDescriptors = Duration.milliseconds(100)
}
