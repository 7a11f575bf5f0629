internal import ActionableErrors
package import Cluster
package import Limits
package import Rollout
package import Wire
package import ZeroMQ

/// A worker's or scorer's end over ZeroMQ. The keys of the learner and of the scorers that it names are pinned.
package final class ZeroMQPeerTransport: PeerTransport {
  package let inbound: AsyncStream<PeerInbound>
  package let endpoint: String
  package let publicKey: String

  private let sockets: PeerSockets
  private let queue: InboundQueue<PeerInbound>

  /// - Parameters:
  ///   - learner: the learner's control socket, `tcp://HOST:PORT`.
  ///   - learnerKey: what the learner must prove to hold.
  ///   - report: told, in a line of text, what was dropped or turned away.
  package static func worker(
    learner: String, keys: KeyPair, learnerKey: PublicKey, limits: Limits = .standard,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> ZeroMQPeerTransport {
    try await open(learner, bind: nil, keys, .client(keys: keys, server: learnerKey), limits, report)
  }

  /// - Parameters:
  ///   - bind: where groups are taken, `tcp://ADDRESS:PORT`, port 0 for any. Nobody may push there before the learner has
  ///     said who may.
  ///   - advertised: where workers reach that, `tcp://ADDRESS:PORT`, port 0 for the one that is bound; nil if it is there.
  package static func scorer(
    learner: String, bind: String, advertised: String? = nil, keys: KeyPair, learnerKey: PublicKey,
    limits: Limits = .standard, report: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> ZeroMQPeerTransport {
    try await open(
      learner, bind: try TCPEndpoint(bind), advertised: try advertised.map(TCPEndpoint.init),
      keys, .client(keys: keys, server: learnerKey), limits, report)
  }

  /// The worker's end of `ZeroMQLearnerTransport.openWithoutCurve`.
  package static func workerWithoutCurve(port: UInt16, limits: Limits = .standard) async throws -> ZeroMQPeerTransport {
    try await open("tcp://127.0.0.1:\(port)", bind: nil, .generate(), .none, limits) { _ in }
  }

  private static func open(
    _ learnerText: String, bind: TCPEndpoint?, advertised: TCPEndpoint? = nil, _ keys: KeyPair,
    _ towardsLearner: SocketOptions.Security, _ limits: Limits,
    _ report: @escaping @Sendable (String) -> Void
  ) async throws -> ZeroMQPeerTransport {
    let learner = try TCPEndpoint(learnerText)
    let options = TransportOptions(limits: limits, allowsIPv6: learner.isIPv6 || bind?.isIPv6 == true)
    let loop = try PollLoop(name: "peer-sockets", context: ZeroMQContext())
    let room = Forward<PeerSockets>()
    let queue = InboundQueue<PeerInbound>(
      maximumCount: options.inboundCount, maximumBytes: options.inboundBytes, onRoom: { room.run { $0.resume() } })
    let sockets = PeerSockets(
      loop: loop, learner: learner, keys: keys, towardsLearner: towardsLearner, options: options, inbound: queue,
      report: report)
    room.set(sockets)
    do {
      var endpoint: TCPEndpoint?
      if let bind {
        let bound = try await sockets.takeGroups(at: bind)
        if let advertised {
          endpoint = advertised.port == 0 ? advertised.with(port: bound.port) : advertised
        } else {
          endpoint = bound.isWildcard ? bound.with(host: try LocalAddress.facing(learner)) : bound
        }
      }
      try await sockets.open()
      return ZeroMQPeerTransport(
        sockets: sockets, queue: queue, endpoint: endpoint?.description ?? "",
        publicKey: endpoint == nil ? "" : keys.publicKey.z85)
    } catch {
      try? await loop.stop(within: .zero)
      throw error
    }
  }

  private init(sockets: PeerSockets, queue: InboundQueue<PeerInbound>, endpoint: String, publicKey: String) {
    self.sockets = sockets
    self.queue = queue
    self.endpoint = endpoint
    self.publicKey = publicKey
    inbound = queue.stream
  }

  package func send(_ frame: Frame) {
    sockets.onLoop { $0.send(frame) }
  }

  package func connect(publishPort: UInt16, dataPort: UInt16, allowed: [AllowedPeer]) {
    sockets.onLoop { $0.connect(publishPort: publishPort, dataPort: dataPort, allowed: allowed) }
  }

  package func connectAnew() {
    sockets.onLoop { $0.connectAnew() }
  }

  package func connectScorers(_ scorers: [ScorerAddress]) {
    sockets.onLoop { $0.connectScorers(scorers) }
  }

  package func push(_ frame: Frame, to scorer: ScorerAddress?) {
    sockets.onLoop { $0.push(frame, to: scorer) }
  }

  package func close(linger: Duration) async {
    // The only error is that of sockets outside the loop, and there are none.
    try? await sockets.loop.stop(within: linger)
    queue.finish()
  }
}
