package import ActionableErrors
package import Rollout
package import Wire

/// What reaches the learner.
package enum LearnerInbound: Sendable {
  /// Control plane; `role` is the one that the sender's key is registered for.
  case control(PeerID, role: Role, Frame)
  /// Data plane: a scored group.
  case data(PeerID, role: Role, Frame)
  /// The transport cannot go on.
  case failed(any ActionableError)
}

/// The learner's end of a transport: ROUTER for control and for chunks of weights, PULL for scored groups, PUB for word of
/// new weights.
///
/// Sending never waits and never copies a payload: what a peer cannot take within its bounded queue is dropped, and comes
/// again because delivery is made safe end to end (heartbeats name what is held, groups are pushed until durable, missing
/// chunks are fetched again).
package protocol LearnerTransport: Sendable {
  /// Everything received, in order of arrival. To be iterated once. Bounded: when the reader falls behind, the transport
  /// stops reading from the network.
  var inbound: AsyncStream<LearnerInbound> { get }
  /// Port of the control socket and of the two that the welcome names.
  var ports: (control: UInt16, publish: UInt16, data: UInt16) { get }
  /// Keys that may speak to scorers, for the welcome; empty without CURVE.
  var allowed: [AllowedPeer] { get }

  func send(_ frame: Frame, to peer: PeerID)
  /// To all that subscribe.
  func publish(_ frame: Frame)
  /// Closes every socket after trying to deliver what is queued for at most `linger`.
  func close(linger: Duration) async
}

/// What reaches a worker or scorer.
package enum PeerInbound: Sendable {
  case control(Frame)
  case published(Frame)
  /// Scorers only: a response group; `role` is the one that the sender's key is registered for.
  case data(PeerID, role: Role, Frame)
  case failed(any ActionableError)
}

/// A worker's or scorer's end of a transport: DEALER to the learner; a worker also SUB for word of new weights and one PUSH a scorer;
/// a scorer also PULL for groups and PUSH to the learner.
package protocol PeerTransport: Sendable {
  var inbound: AsyncStream<PeerInbound> { get }
  /// Scorers: where groups are taken, `tcp://HOST:PORT`, and the public key to pin; empty for workers.
  var endpoint: String { get }
  var publicKey: String { get }

  /// To the learner, on the control plane.
  func send(_ frame: Frame)
  /// Connects the sockets that the welcome names (idempotent): a worker subscribes to weights, a scorer connects its
  /// PUSH to the learner and learns which keys may push to it.
  func connect(publishPort: UInt16, dataPort: UInt16, allowed: [AllowedPeer])
  /// Gives up all connections that this end has made, whatever state they seem to be in, and makes them again. What was on its
  /// way may be lost.
  func connectAnew()
  /// Workers: the scorers that exist now; connections to others are closed.
  func connectScorers(_ scorers: [ScorerAddress])
  /// Workers: a response group to a scorer. Scorers: a scored group to the learner (`scorer` is nil).
  func push(_ frame: Frame, to scorer: ScorerAddress?)
  func close(linger: Duration) async
}
