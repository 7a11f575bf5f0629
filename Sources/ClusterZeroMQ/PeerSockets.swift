internal import ActionableErrors
internal import Cluster
internal import Rollout
internal import Wire
internal import ZeroMQ

/// A worker's or scorer's sockets, on the poll loop's thread. They refer to this actor until the loop is stopped, so it
/// must be.
actor PeerSockets: LoopActor {
  nonisolated let loop: PollLoop
  nonisolated var unownedExecutor: UnownedSerialExecutor { loop.unownedExecutor }

  private let learner: TCPEndpoint
  private let keys: KeyPair
  /// Of the sockets that connect to the learner, whose key is pinned.
  private let towardsLearner: SocketOptions.Security
  /// Who may push to this process: known to scorers from the learner's welcome.
  private let allowList = AllowList()
  private let options: TransportOptions
  private let inbound: InboundQueue<PeerInbound>
  private let report: @Sendable (String) -> Void

  private var control: Channel<Dealer>?
  private var groups: Channel<Pull>?
  /// A worker's, to the learner's weights.
  private var weights: (channel: Channel<Subscribe>, endpoint: TCPEndpoint)?
  /// A scorer's, to the learner's scored groups.
  private var scored: (channel: Channel<Push>, endpoint: TCPEndpoint)?
  /// A scorer's: so many scored groups wait for the learner that no more are taken from workers. Dropped ones would come again
  /// much later; workers keep theirs, and libzmq holds them back.
  private var isBehind = false
  /// Scored groups that wait in this process before that is so.
  private static let backlog = 16
  /// A worker's, one a scorer.
  private var scorers: [ScorerAddress: Channel<Push>] = [:]

  init(
    loop: PollLoop, learner: TCPEndpoint, keys: KeyPair, towardsLearner: SocketOptions.Security, options: TransportOptions,
    inbound: InboundQueue<PeerInbound>, report: @escaping @Sendable (String) -> Void
  ) {
    self.loop = loop
    self.learner = learner
    self.keys = keys
    self.towardsLearner = towardsLearner
    self.options = options
    self.inbound = inbound
    self.report = report
  }

  // MARK: Opening

  /// Connects to the learner's control socket.
  func open() throws {
    let channel = loop.register(
      try Socket<Dealer>(loop.context, options.peerControl(towardsLearner)), queue: options.controlQueue)
    observe(channel)
    channel.onReceive = { [self] message in
      guard let frame = Frame(message) else { return }
      deliver(.control(frame), message)
    }
    try channel.watch { [self] event in note(event) }
    try channel.stayConnected(to: learner.description)
    control = channel
  }

  /// The operating system notices only that nobody answers at all, not that what answers has forgotten the connection.
  func connectAnew() {
    control?.connectAnew(to: learner.description)
    if let weights { weights.channel.connectAnew(to: weights.endpoint.description) }
    if let scored { scored.channel.connectAnew(to: scored.endpoint.description) }
    for (scorer, channel) in scorers { channel.connectAnew(to: scorer.endpoint) }
  }

  /// Binds a scorer's socket for groups and tries it from outside before anything is read.
  ///
  /// - Returns: the endpoint as bound.
  func takeGroups(at endpoint: TCPEndpoint) async throws -> TCPEndpoint {
    try Authenticator.start(on: loop, admitting: allowList) { [self] address, key in
      // Before that they are the process's own, to try the door.
      if groups != nil { report(turnedAway(key, from: address)) }
    }
    let security = SocketOptions.Security.server(keys: keys, domain: TransportOptions.domain)
    let channel = loop.register(try Socket<Pull>(loop.context, options.data(security)))
    observe(channel)
    try channel.guardConnections(options.dataConnections, report: report)
    let bound = try TCPEndpoint(try channel.bind(endpoint.description))
    try await StrangerTest.require(
      refusalAt: [BoundEndpoint(bound.description, Pull.self)], serverKey: keys.publicKey, allowList: allowList,
      on: loop, within: .seconds(15))
    channel.onReceive = { [self] message in
      guard message.frames.count == 1, let peer = allowList.sender(of: message), let role = Role(rawValue: peer.role)
      else { return }
      deliver(.data(PeerID(name: peer.name, connection: ""), role: role, Frame(message.frames[0].bytes)), message)
    }
    groups = channel
    return bound
  }

  /// A worker subscribes to the learner's weights; a scorer connects to where scored groups go, and admits `allowed`.
  func connect(publishPort: UInt16, dataPort: UInt16, allowed: [AllowedPeer]) {
    do {
      if groups == nil {
        try subscribe(learner.with(port: publishPort))
      } else {
        allowList.replaceAll(with: try allowed.map(RegisteredPeer.init))
        try pushScored(to: learner.with(port: dataPort))
      }
    } catch {
      report("cannot connect to what the learner named: \(error)")
    }
  }

  private func subscribe(_ endpoint: TCPEndpoint) throws(ZeroMQError) {
    guard weights?.endpoint != endpoint else { return }
    weights?.channel.close()
    weights = nil
    let socket = try Socket<Subscribe>(loop.context, options.subscription(towardsLearner))
    try socket.subscribe(to: [])
    let channel = loop.register(socket)
    observe(channel)
    channel.onReceive = { [self] message in
      guard message.frames.count == 1 else { return }
      deliver(.published(Frame(message.frames[0].bytes)), message)
    }
    try channel.stayConnected(to: endpoint.description)
    weights = (channel, endpoint)
  }

  private func pushScored(to endpoint: TCPEndpoint) throws(ZeroMQError) {
    guard scored?.endpoint != endpoint else { return }
    scored?.channel.close()
    catchUp()
    let channel = try pusher(to: endpoint, towardsLearner)
    channel.onDrained = { [self] in catchUp() }
    scored = (channel, endpoint)
  }

  /// Keeps, opens and closes connections so that they are those to `wanted`.
  func connectScorers(_ wanted: [ScorerAddress]) {
    for (address, channel) in scorers where !wanted.contains(address) {
      channel.close()
      scorers[address] = nil
    }
    for address in wanted where scorers[address] == nil {
      do {
        guard let key = PublicKey(z85: address.publicKey) else { throw TransportError.notAKey(of: address.name) }
        scorers[address] = try pusher(to: try TCPEndpoint(address.endpoint), .client(keys: keys, server: key))
      } catch {
        report("cannot connect to \(address.name): \(error)")
      }
    }
  }

  private func pusher(
    to endpoint: TCPEndpoint, _ security: SocketOptions.Security
  ) throws(ZeroMQError) -> Channel<Push> {
    let socket = try Socket<Push>(loop.context, options.data(security))
    let channel = loop.register(socket, queue: options.dataQueue)
    observe(channel)
    try channel.stayConnected(to: endpoint.description)
    return channel
  }

  // MARK: Sending

  func send(_ frame: Frame) {
    attempt("for the learner") { () throws(ZeroMQError) in try control?.send(Multipart(frame.messages)) }
  }

  func push(_ frame: Frame, to scorer: ScorerAddress?) {
    let channel = scorer.map { scorers[$0] } ?? scored?.channel
    let outcome = attempt("for \(scorer?.name ?? "the learner")") { () throws(ZeroMQError) in
      try channel?.send(Multipart(frame.messages))
    }
    if scorer == nil, case .queued(let waiting) = outcome, waiting >= Self.backlog {
      isBehind = true
      groups?.isPaused = true
    }
  }

  /// Nothing waits for the learner any more.
  private func catchUp() {
    guard isBehind else { return }
    isBehind = false
    // If it was paused because too much is unread here as well, the next group says so again.
    groups?.isPaused = false
  }

  @discardableResult
  private func attempt(_ target: String, _ send: () throws(ZeroMQError) -> SendOutcome?) -> SendOutcome? {
    do throws(ZeroMQError) {
      let outcome = try send()
      if outcome == .full { report("dropped a message \(target): its queue is full") }
      return outcome
    } catch {
      if error != .closed { report("dropped a message \(target): \(error)") }
      return nil
    }
  }

  // MARK: Receiving

  /// There is room again for what is received.
  func resume() {
    control?.isPaused = false
    groups?.isPaused = isBehind
    weights?.channel.isPaused = false
  }

  private func deliver(_ event: PeerInbound, _ message: Multipart) {
    guard inbound.put(event, bytes: message.byteCount) else { return }
    control?.isPaused = true
    groups?.isPaused = true
    weights?.channel.isPaused = true
  }

  private func observe(_ channel: some MonitoredChannel) {
    channel.onFailure = { [inbound] error in _ = inbound.put(.failed(error), bytes: 0) }
    channel.onRefuse = { [report] in report("threw away a message of \($0.frames) frames, \($0.bytes) bytes") }
  }

  /// A learner that refuses the key will refuse it again; anything else may pass.
  private func note(_ event: SocketEvent) {
    guard case .handshakeFailed(.refused) = event.kind else { return }
    _ = inbound.put(.failed(TransportError.refused(by: learner, keys.publicKey)), bytes: 0)
  }
}
