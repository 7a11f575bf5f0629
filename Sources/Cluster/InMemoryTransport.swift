internal import ActionableErrors
package import Rollout
internal import Synchronization
package import Wire

/// Joins the roles of a run inside one process: the twin of the network transport, for tests and for runs without sockets.
///
/// It behaves as the network does where that matters: nothing is published to whom has not connected, nothing is pushed
/// to a scorer that is not connected, what is sent to nobody is lost, and a reader that falls behind loses what comes.
package final class InMemoryHub: Sendable {
  package enum Plane: Sendable { case control, broadcast, data }

  /// A frame on its way.
  package struct Crossing: Sendable {
    package let plane: Plane
    /// Nil for the learner.
    package let sender: PeerID?
    /// Nil for the learner.
    package let receiver: PeerID?
    package let frame: Frame
  }

  fileprivate struct Member {
    let role: Role
    let inbound: AsyncStream<PeerInbound>.Continuation
    var isConnected = false
    var scorers: [ScorerAddress] = []
  }

  fileprivate struct State {
    var learner: AsyncStream<LearnerInbound>.Continuation?
    var learners = 0
    var members: [PeerID: Member] = [:]
    var connections = 0
    var isLost: @Sendable (Crossing) -> Bool = { _ in false }
  }

  /// Frames that wait for a reader.
  fileprivate static let highWaterMark = 4096
  fileprivate let state = Mutex(State())

  package init() {}

  /// Which frames are lost from now on.
  package func lose(_ isLost: @escaping @Sendable (Crossing) -> Bool) {
    state.withLock { $0.isLost = isLost }
  }

  /// The learner's end. A second one takes the place of the first.
  package func learner() -> some LearnerTransport {
    let (inbound, continuation) = AsyncStream.makeStream(
      of: LearnerInbound.self, bufferingPolicy: .bufferingOldest(Self.highWaterMark))
    let (last, number) = state.withLock { state in
      defer { state.learner = continuation }
      state.learners += 1
      return (state.learner, state.learners)
    }
    last?.finish()
    return InMemoryLearnerTransport(hub: self, number: number, inbound: inbound)
  }

  /// The end of a worker or scorer whose key is registered as `name` for `role`.
  package func peer(_ name: String, _ role: Role) -> some PeerTransport {
    let (inbound, continuation) = AsyncStream.makeStream(
      of: PeerInbound.self, bufferingPolicy: .bufferingOldest(Self.highWaterMark))
    let id = state.withLock { state in
      state.connections += 1
      let id = PeerID(name: name, connection: "\(state.connections)")
      state.members[id] = Member(role: role, inbound: continuation)
      return id
    }
    return InMemoryPeerTransport(hub: self, id: id, role: role, inbound: inbound)
  }

  /// Cuts a peer off, as if its process had died.
  package func cut(_ name: String) {
    let cut = state.withLock { state in
      let ids = state.members.keys.filter { $0.name == name }
      return ids.compactMap { state.members.removeValue(forKey: $0)?.inbound }
    }
    for inbound in cut { inbound.finish() }
  }
}

private struct InMemoryLearnerTransport: LearnerTransport {
  let hub: InMemoryHub
  let number: Int
  let inbound: AsyncStream<LearnerInbound>

  var ports: (control: UInt16, publish: UInt16, data: UInt16) { (1, 2, 3) }
  var allowed: [AllowedPeer] { [] }

  func send(_ frame: Frame, to peer: PeerID) {
    hub.state.withLock { state in
      guard state.learners == number, !state.isLost(.init(plane: .control, sender: nil, receiver: peer, frame: frame)) else { return }
      state.members[peer]?.inbound.yield(.control(frame))
    }
  }

  func publish(_ frame: Frame) {
    hub.state.withLock { state in
      guard state.learners == number else { return }
      for (peer, member) in state.members where member.isConnected && member.role == .worker {
        guard !state.isLost(.init(plane: .broadcast, sender: nil, receiver: peer, frame: frame)) else { continue }
        member.inbound.yield(.published(frame))
      }
    }
  }

  func close(linger: Duration) async {
    let inbound = hub.state.withLock { state in state.learners == number ? state.learner.take() : nil }
    inbound?.finish()
  }
}

private struct InMemoryPeerTransport: PeerTransport {
  let hub: InMemoryHub
  let id: PeerID
  let role: Role
  let inbound: AsyncStream<PeerInbound>

  var endpoint: String { role == .scorer ? "memory://\(id.name)/\(id.connection)" : "" }
  var publicKey: String { "" }

  func send(_ frame: Frame) {
    deliver(.control(id, role: role, frame), frame, on: .control)
  }

  func connect(publishPort: UInt16, dataPort: UInt16, allowed: [AllowedPeer]) {
    hub.state.withLock { $0.members[id]?.isConnected = true }
  }

  /// There is nothing in between that could forget them.
  func connectAnew() {}

  func connectScorers(_ scorers: [ScorerAddress]) {
    hub.state.withLock { $0.members[id]?.scorers = scorers }
  }

  func push(_ frame: Frame, to scorer: ScorerAddress?) {
    guard let scorer else {
      if hub.state.withLock({ $0.members[id]?.isConnected == true }) { deliver(.data(id, role: role, frame), frame, on: .data) }
      return
    }
    hub.state.withLock { state in
      guard state.members[id]?.scorers.contains(scorer) == true,
        let reader = state.members.keys.first(where: { "memory://\($0.name)/\($0.connection)" == scorer.endpoint }),
        !state.isLost(.init(plane: .data, sender: id, receiver: reader, frame: frame))
      else { return }
      state.members[reader]?.inbound.yield(.data(id, role: role, frame))
    }
  }

  func close(linger: Duration) async {
    let inbound = hub.state.withLock { $0.members.removeValue(forKey: id)?.inbound }
    inbound?.finish()
  }

  /// To the learner.
  private func deliver(_ inbound: LearnerInbound, _ frame: Frame, on plane: InMemoryHub.Plane) {
    hub.state.withLock { state in
      guard state.members[id] != nil, !state.isLost(.init(plane: plane, sender: id, receiver: nil, frame: frame)) else { return }
      state.learner?.yield(inbound)
    }
  }
}
