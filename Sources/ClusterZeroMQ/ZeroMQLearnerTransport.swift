internal import ActionableErrors
package import Cluster
package import Limits
package import Rollout
internal import Synchronization
package import Wire
package import ZeroMQ

/// The learner's end over ZeroMQ: ROUTER, PULL and PUB on TCP, all behind CURVE and the run's list of allowed keys.
///
/// Rights follow from the key that a connection was authenticated with, looked up again at each message. Routing ids
/// are made here, one a connection, so that none can be taken over.
package final class ZeroMQLearnerTransport: LearnerTransport {
  package let inbound: AsyncStream<LearnerInbound>
  package let ports: (control: UInt16, publish: UInt16, data: UInt16)
  package var allowed: [AllowedPeer] { list.withLock { $0 } }

  private let allowList: AllowList
  private let list: Mutex<[AllowedPeer]>
  private let sockets: LearnerSockets
  private let queue: InboundQueue<LearnerInbound>

  /// They encrypt and decrypt for all connections, so that the cores of a large machine can share that.
  private static let ioThreads: Int32 = 4

  /// Binds the sockets, and tries each of them from outside before anything is read.
  ///
  /// - Parameters:
  ///   - bind: for the control socket, `tcp://ADDRESS:PORT`, port 0 for any.
  ///   - takesNextPorts: whether the other sockets take the two ports after that one, so that a firewall can be told; any
  ///     free ones otherwise.
  ///   - allowed: the keys that may connect.
  ///   - report: told, in a line of text, what was dropped or turned away.
  /// - Throws: `ZeroMQError`, for instance `zeromq.address-in-use` or `zeromq.stranger-admitted`.
  package static func open(
    bind: String, takesNextPorts: Bool = false, keys: KeyPair, allowed: [AllowedPeer], limits: Limits = .standard,
    report: @escaping @Sendable (String) -> Void = { _ in }
  ) async throws -> ZeroMQLearnerTransport {
    let endpoint = try TCPEndpoint(bind)
    let allowList = AllowList(try allowed.map(RegisteredPeer.init))
    let options = TransportOptions(limits: limits, allowsIPv6: endpoint.isIPv6)
    let loop = try PollLoop(name: "learner-sockets", context: ZeroMQContext(ioThreads: Self.ioThreads, maximumSockets: 1023))
    let room = Forward<LearnerSockets>()
    let queue = InboundQueue<LearnerInbound>(
      maximumCount: options.inboundCount, maximumBytes: options.inboundBytes, onRoom: { room.run { $0.resume() } })
    let sockets = LearnerSockets(loop: loop, allowList: allowList, inbound: queue, report: report)
    room.set(sockets)
    do {
      let bound = try await sockets.open(endpoint, takesNextPorts: takesNextPorts, keys: keys, options: options)
      try await StrangerTest.require(
        refusalAt: [
          BoundEndpoint(bound.control.description, Router.self), BoundEndpoint(bound.publish.description, Publish.self),
          BoundEndpoint(bound.data.description, Pull.self),
        ], serverKey: keys.publicKey, allowList: allowList, on: loop, within: .seconds(15))
      await sockets.listen()
      return ZeroMQLearnerTransport(
        sockets: sockets, queue: queue, allowList: allowList, allowed: allowed,
        ports: (bound.control.port, bound.publish.port, bound.data.port))
    } catch {
      try? await loop.stop(within: .zero)
      throw error
    }
  }

  /// Without CURVE and on this machine only, to measure what CURVE costs: everyone who connects is taken for `everyone`.
  package static func openWithoutCurve(
    everyoneAs everyone: AllowedPeer, limits: Limits = .standard
  ) async throws -> ZeroMQLearnerTransport {
    let options = TransportOptions(limits: limits, allowsIPv6: false)
    let loop = try PollLoop(name: "learner-sockets", context: ZeroMQContext(ioThreads: Self.ioThreads, maximumSockets: 1023))
    let room = Forward<LearnerSockets>()
    let queue = InboundQueue<LearnerInbound>(
      maximumCount: options.inboundCount, maximumBytes: options.inboundBytes, onRoom: { room.run { $0.resume() } })
    let allowList = AllowList()
    let sockets = LearnerSockets(
      loop: loop, allowList: allowList, everyone: everyone, inbound: queue, report: { _ in })
    room.set(sockets)
    let bound = try await sockets.bind(TCPEndpoint(host: "127.0.0.1", port: 0), takesNextPorts: false, .none, options)
    await sockets.listen()
    return ZeroMQLearnerTransport(
      sockets: sockets, queue: queue, allowList: allowList, allowed: [],
      ports: (bound.control.port, bound.publish.port, bound.data.port))
  }

  private init(
    sockets: LearnerSockets, queue: InboundQueue<LearnerInbound>, allowList: AllowList, allowed: [AllowedPeer],
    ports: (control: UInt16, publish: UInt16, data: UInt16)
  ) {
    self.sockets = sockets
    self.queue = queue
    self.allowList = allowList
    list = Mutex(allowed)
    self.ports = ports
    inbound = queue.stream
  }

  /// Makes `peers` the only ones that may connect, and whose messages are taken on the connections that there are.
  package func admit(only peers: [AllowedPeer]) throws {
    let registered = try peers.map(RegisteredPeer.init)
    allowList.replaceAll(with: registered)
    list.withLock { $0 = peers }
  }

  package func send(_ frame: Frame, to peer: PeerID) {
    sockets.onLoop { $0.send(frame, to: peer) }
  }

  package func publish(_ frame: Frame) {
    sockets.onLoop { $0.publish(frame) }
  }

  package func close(linger: Duration) async {
    // The only error is that of sockets outside the loop, and there are none.
    try? await sockets.loop.stop(within: linger)
    queue.finish()
  }
}
