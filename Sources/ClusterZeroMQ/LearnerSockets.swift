internal import ActionableErrors
internal import Cluster
internal import Rollout
internal import Wire
internal import ZeroMQ

/// The learner's sockets, on the poll loop's thread. They refer to this actor until the loop is stopped, so it must be.
actor LearnerSockets: LoopActor {
  nonisolated let loop: PollLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

  private let allowList: AllowList
  /// Whom everyone is taken for without CURVE; nil with it.
  private let everyone: AllowedPeer?
  private let inbound: InboundQueue<LearnerInbound>
  private let report: @Sendable (String) -> Void
  /// Until then those who come are the process's own, to try the doors.
  private var isListening = false
  private var control: Channel<Router>?
  private var data: Channel<Pull>?
  private var weights: Channel<Publish>?

  init(
    loop: PollLoop, allowList: AllowList, everyone: AllowedPeer? = nil, inbound: InboundQueue<LearnerInbound>,
    report: @escaping @Sendable (String) -> Void
  ) {
    self.loop = loop
    self.allowList = allowList
    self.everyone = everyone
    self.inbound = inbound
    self.report = report
  }

  struct Ports {
    let control: TCPEndpoint
    let publish: TCPEndpoint
    let data: TCPEndpoint
  }

  /// Binds all sockets, the control socket to `endpoint` and the others to the next ports or any free ones of the same
  /// address, behind CURVE and the list of allowed keys.
  func open(_ endpoint: TCPEndpoint, takesNextPorts: Bool, keys: KeyPair, options: TransportOptions) throws -> Ports {
    try Authenticator.start(on: loop, admitting: allowList) { [self] address, key in
      if isListening { report(turnedAway(key, from: address)) }
    }
    return try bind(endpoint, takesNextPorts: takesNextPorts, .server(keys: keys, domain: TransportOptions.domain), options)
  }

  func bind(
    _ endpoint: TCPEndpoint, takesNextPorts: Bool, _ security: SocketOptions.Security, _ options: TransportOptions
  ) throws -> Ports {
    let isNext = takesNextPorts && endpoint.port != 0
    guard !isNext || endpoint.port <= .max - 2 else {
      throw TransportError(
        code: "transport.no-ports", message: "a learner on \(endpoint) needs the two ports after it, and there are none",
        advice: "choose a lower port")
    }
    func another(_ offset: UInt16) -> String { endpoint.with(port: isNext ? endpoint.port + offset : 0).description }
    let control = loop.register(
      try Socket<Router>(loop.context, options.control(security)), queue: options.controlQueue)
    let data = loop.register(try Socket<Pull>(loop.context, options.data(security)))
    let weights = loop.register(try Socket<Publish>(loop.context, options.broadcast(security)))
    try control.guardConnections(options.controlConnections, report: report)
    try data.guardConnections(options.dataConnections, report: report)
    // What subscribers ask for libzmq reads by itself and keeps, so that all of it counts as unread.
    try weights.guardConnections(options.subscriberConnections, report: report)
    let ports = Ports(
      control: try TCPEndpoint(try control.bind(endpoint.description)),
      publish: try TCPEndpoint(try weights.bind(another(1))),
      data: try TCPEndpoint(try data.bind(another(2))))
    (self.control, self.data, self.weights) = (control, data, weights)
    return ports
  }

  /// Begins to read. Only after the sockets have been shown to refuse strangers.
  func listen() {
    isListening = true
    control?.onReceive = { [self] message in
      guard message.frames.count == 2, let (peer, role) = sender(of: message, connection: message.frames[0].bytes)
      else { return }
      deliver(.control(peer, role: role, Frame(message.frames[1].bytes)), message)
    }
    data?.onReceive = { [self] message in
      guard message.frames.count == 1, let (peer, role) = sender(of: message, connection: []) else { return }
      deliver(.data(peer, role: role, Frame(message.frames[0].bytes)), message)
    }
    for channel in [control, data, weights] as [(any MonitoredChannel)?] {
      channel?.onFailure = { [inbound] error in _ = inbound.put(.failed(error), bytes: 0) }
      channel?.onRefuse = { [report] in report("threw away a message of \($0.frames) frames, \($0.bytes) bytes") }
    }
  }

  func send(_ frame: Frame, to peer: PeerID) {
    guard let routingID = RoutingID(connection: peer.connection) else { return }
    attempt("for \(peer)") { () throws(ZeroMQError) in
      try control?.send(Multipart([Message(routingID.bytes)] + frame.messages))
    }
  }

  func publish(_ frame: Frame) {
    attempt("for all workers") { () throws(ZeroMQError) in try weights?.send(Multipart(frame.messages)) }
  }

  /// There is room again for what is received.
  func resume() {
    control?.isPaused = false
    data?.isPaused = false
  }

  /// Who sent this, if its key is registered still and for a role.
  private func sender(of message: Multipart, connection: [UInt8]) -> (PeerID, Role)? {
    let connection = RoutingID(bytes: connection).connection
    if let everyone { return (PeerID(name: everyone.name, connection: connection), everyone.role) }
    guard let peer = allowList.sender(of: message), let role = Role(rawValue: peer.role) else { return nil }
    return (PeerID(name: peer.name, connection: connection), role)
  }

  private func deliver(_ event: LearnerInbound, _ message: Multipart) {
    guard inbound.put(event, bytes: message.byteCount) else { return }
    control?.isPaused = true
    data?.isPaused = true
  }

  private func attempt(_ target: String, _ send: () throws(ZeroMQError) -> SendOutcome?) {
    do throws(ZeroMQError) {
      if try send() == .full { report("dropped a message \(target): its queue is full") }
    } catch where error.code != "zeromq.unknown-peer" && error != .closed {
      report("dropped a message \(target): \(error)")
    } catch {
      // The peer is gone, or this process is about to be: the sender's own timers notice.
    }
  }
}
