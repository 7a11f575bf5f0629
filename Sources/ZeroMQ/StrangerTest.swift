/// A TCP endpoint that the process has bound, and what it is for.
package struct BoundEndpoint: Sendable {
  package let endpoint: String
  package let pattern: any SocketPattern.Type

  package init(_ endpoint: String, _ pattern: any SocketPattern.Type) {
    self.endpoint = endpoint
    self.pattern = pattern
  }
}

/// Proof, at start, that the doors are closed: libzmq lets everybody in, without a word, if one of several settings is
/// missing, so each bound socket is tried from outside.
package enum StrangerTest {
  /// Connects to every endpoint without encryption, with an unregistered key, and with one registered for the moment.
  ///
  /// - Parameter serverKey: what the endpoints prove themselves with.
  /// - Throws: `zeromq.stranger-admitted` if one of the first two gets in, `zeromq.peer-refused` if the third does not,
  ///   which shows that no authenticator answers, and `zeromq.no-verdict` if `deadline` passes before that is known.
  package static func require(
    refusalAt endpoints: [BoundEndpoint], serverKey: PublicKey, allowList: AllowList, on loop: PollLoop,
    within deadline: Duration = .seconds(5)
  ) async throws(ZeroMQError) {
    let stranger = try KeyPair.generate()
    let guest = try KeyPair.generate()
    allowList.allow(RegisteredPeer(key: guest.publicKey, name: "self-test", role: ""))
    defer { allowList.revoke(guest.publicKey) }
    let visits = endpoints.flatMap { endpoint in
      [
        Visit(to: endpoint, by: .none, described: "a peer without a key", isWelcome: false),
        Visit(
          to: endpoint, by: .client(keys: stranger, server: serverKey), described: "an unregistered key",
          isWelcome: false),
        Visit(
          to: endpoint, by: .client(keys: guest, server: serverKey), described: "a registered key", isWelcome: true),
      ]
    }
    let verdicts = await withTaskGroup(of: Result<Void, ZeroMQError>.self) { group in
      for visit in visits { group.addTask { await visit.verdict(on: loop, within: deadline) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    for verdict in verdicts { try verdict.get() }
  }
}

/// One attempt to get in.
private struct Visit: Sendable {
  let endpoint: BoundEndpoint
  let security: SocketOptions.Security
  let visitor: String
  let isWelcome: Bool

  init(to endpoint: BoundEndpoint, by security: SocketOptions.Security, described visitor: String, isWelcome: Bool) {
    self.endpoint = endpoint
    self.security = security
    self.visitor = visitor
    self.isWelcome = isWelcome
  }

  func verdict(on loop: PollLoop, within deadline: Duration) async -> Result<Void, ZeroMQError> {
    await withCheckedContinuation { continuation in
      loop.submit { [loop] in
        attempt(endpoint.pattern, on: loop, within: deadline) { continuation.resume(returning: $0) }
      }
    }
  }

  /// - Parameter pattern: of the bound socket. The visitor plays its right counterpart, because libzmq refuses any
  ///   other for that reason alone.
  private func attempt<Pattern: SocketPattern>(
    _ pattern: Pattern.Type, on loop: PollLoop, within deadline: Duration,
    then finish: @escaping (Result<Void, ZeroMQError>) -> Void
  ) {
    var options = SocketOptions()
    options.security = security
    options.linger = .zero
    options.allowsIPv6 = endpoint.endpoint.hasPrefix("tcp://[")
    do throws(ZeroMQError) {
      let channel = loop.register(try Socket<Pattern.Peer>(loop.context, options))
      var isOver = false
      func end(_ result: Result<Void, ZeroMQError>) {
        guard !isOver else { return }
        isOver = true
        channel.close()
        finish(result)
      }
      channel.onClose = { end(.failure(.closed)) }
      let timer = loop.schedule(after: deadline) { end(.failure(noVerdict(deadline))) }
      try channel.watch { event in
        switch event.kind {
        case .handshakeSucceeded: end(isWelcome ? .success(()) : .failure(admitted))
        case .handshakeFailed, .disconnected: end(isWelcome ? .failure(refused) : .success(()))
        default: return
        }
        loop.cancel(timer)
      }
      try channel.connect(endpoint.endpoint)
    } catch {
      finish(.failure(error))
    }
  }

  private var admitted: ZeroMQError {
    ZeroMQError(
      code: "stranger-admitted", message: "\(endpoint.endpoint) lets in \(visitor)",
      advice: "do not run this build on a network: its sockets are open to anyone")
  }

  private var refused: ZeroMQError {
    ZeroMQError(
      code: "peer-refused", message: "\(endpoint.endpoint) turns away \(visitor)",
      advice: "the authenticator must be running before sockets are bound")
  }

  private func noVerdict(_ deadline: Duration) -> ZeroMQError {
    ZeroMQError(
      code: "no-verdict", message: "\(endpoint.endpoint) neither let in nor turned away \(visitor) within \(deadline)",
      advice: "check that nothing filters connections of this machine to itself, and that it is not overloaded")
  }
}
