import ActionableErrors
import Testing
@testable import ZeroMQ

@Suite("Sockets, by pattern, over TCP on loopback")
struct SocketTests {
  @Test("what is pushed is pulled, whole and in order")
  func pushPull() throws {
    let context = try ZeroMQContext()
    let pull = try Socket<Pull>(context, SocketOptions())
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let push = try Socket<Push>(context, SocketOptions())
    try push.connect(endpoint)
    for index in 0..<100 { try push.send(Multipart(texts: ["\(index)", "", "end"]), within: patience) }
    for index in 0..<100 {
      #expect(try pull.receive(within: patience).message?.texts == ["\(index)", "", "end"])
    }
  }

  @Test("a router answers the dealer that asked, by its routing id")
  func routerDealer() throws {
    let context = try ZeroMQContext()
    let router = try Socket<Router>(context, SocketOptions())
    let endpoint = try router.bind("tcp://127.0.0.1:*")
    let first = try Socket<Dealer>(context, .with { $0.routingID = Array("first".utf8) })
    let second = try Socket<Dealer>(context, SocketOptions())
    try first.connect(endpoint)
    try second.connect(endpoint)
    try first.send(["from first"], within: patience)
    try second.send(["from second"], within: patience)
    for _ in 0..<2 {
      let question = try #require(try router.receive(within: patience).message)
      if question.texts[1] == "from first" { #expect(question.texts[0] == "first") }
      try router.send([question.frames[0], Message("to " + question.texts[1])], within: patience)
    }
    #expect(try first.receive(within: patience).message?.texts == ["to from first"])
    #expect(try second.receive(within: patience).message?.texts == ["to from second"])
  }

  @Test("a router refuses a target that is not connected, rather than lose the message in silence")
  func unknownTarget() throws {
    let context = try ZeroMQContext()
    let router = try Socket<Router>(context, SocketOptions())
    try router.bind("tcp://127.0.0.1:*")
    let error = #expect(throws: ZeroMQError.self) { try router.trySend(["nobody", "hello"]) }
    #expect(error?.code == "zeromq.unknown-peer")
  }

  @Test("a subscriber gets what begins as it asked, and nothing else")
  func publishSubscribe() throws {
    let context = try ZeroMQContext()
    let publish = try Socket<Publish>(context, SocketOptions())
    let endpoint = try publish.bind("tcp://127.0.0.1:*")
    let subscribe = try Socket<Subscribe>(context, SocketOptions())
    try subscribe.subscribe(to: Array("weights".utf8))
    try subscribe.connect(endpoint)
    var received: Multipart?
    let deadline = ContinuousClock.now + patience
    // The subscription travels to the publisher; what is published before it arrives is for nobody.
    while received == nil, ContinuousClock.now < deadline {
      _ = try publish.trySend(["other", "no"])
      _ = try publish.trySend(["weights", "yes"])
      received = try? subscribe.receive(within: .milliseconds(20)).message
    }
    #expect(received?.texts == ["weights", "yes"])
  }

  @Test("a port in use is an error that names it and says what to do")
  func portInUse() throws {
    let context = try ZeroMQContext()
    let one = try Socket<Pull>(context, SocketOptions())
    let endpoint = try one.bind("tcp://127.0.0.1:*")
    let other = try Socket<Pull>(context, SocketOptions())
    let error = #expect(throws: ZeroMQError.self) { try other.bind(endpoint) }
    let port = try #require(endpoint.split(separator: ":").last)
    #expect(error?.code == "zeromq.address-in-use")
    #expect(error?.message == "port \(port) on 127.0.0.1 is in use")
    #expect(error?.advice.contains("choose another port") == true)
  }

  @Test(
    "an endpoint that cannot be is refused by name",
    arguments: [
      ("127.0.0.1:5555", "zeromq.bad-endpoint"), ("carrier-pigeon://roof", "zeromq.bad-endpoint"),
      ("tcp://127.0.0.1:99999", "zeromq.bad-endpoint"), ("tcp://198.51.100.1:5555", "zeromq.address-not-here"),
    ])
  func badEndpoint(endpoint: String, code: String) throws {
    let socket = try Socket<Pull>(ZeroMQContext(), SocketOptions())
    let error = #expect(throws: ZeroMQError.self) { try socket.bind(endpoint) }
    #expect(error?.code == code)
  }

  @Test("waiting for what never comes ends at its deadline")
  func deadlines() throws {
    let context = try ZeroMQContext()
    let pull = try Socket<Pull>(context, SocketOptions())
    try pull.bind("tcp://127.0.0.1:*")
    let push = try Socket<Push>(context, SocketOptions())
    try push.connect("tcp://127.0.0.1:1")
    let start = ContinuousClock.now
    let receiving = #expect(throws: ZeroMQError.self) { try pull.receive(within: .milliseconds(50)) }
    let sending = #expect(throws: ZeroMQError.self) { try push.send(["x"], within: .milliseconds(50)) }
    #expect(receiving?.code == "zeromq.receive-timeout")
    #expect(sending?.code == "zeromq.send-timeout")
    #expect(ContinuousClock.now - start >= .milliseconds(100))
  }

  @Test("a context with open sockets says so instead of waiting for ever")
  func terminateWithOpenSockets() throws {
    let context = try ZeroMQContext()
    let socket = try Socket<Pull>(context, SocketOptions())
    let error = #expect(throws: ZeroMQError.self) { try context.terminate() }
    #expect(error?.code == "zeromq.sockets-open")
    _ = consume socket
    try context.terminate()
    #expect(throws: ZeroMQError.closed) { _ = try Socket<Pull>(context, SocketOptions()) }
  }
}

@Suite("Limits on messages")
struct MessageLimitTests {
  static let limits = MessageLimits(frames: 3, frameBytes: 1000, messageBytes: 1500)

  @Test(
    "what breaks the limits is not sent",
    arguments: [([Int](), "zeromq.frame-count"), ([1, 1, 1, 1], "zeromq.frame-count"), ([1001], "zeromq.too-large"),
      ([800, 800], "zeromq.too-large")])
  func sending(sizes: [Int], code: String) throws {
    let push = try Socket<Push>(ZeroMQContext(), .with { $0.limits = Self.limits })
    let message = Multipart(sizes.map { Message([UInt8](repeating: 0, count: $0)) })
    let error = #expect(throws: ZeroMQError.self) { try push.trySend(message) }
    #expect(error?.code == code)
  }

  @Test("what breaks the limits on arrival is refused whole, and the next message is unharmed", arguments: [
    [Int](repeating: 1, count: 100), [900, 900],
  ])
  func receiving(sizes: [Int]) throws {
    let context = try ZeroMQContext()
    let pull = try Socket<Pull>(context, .with { $0.limits = Self.limits })
    let endpoint = try pull.bind("tcp://127.0.0.1:*")
    let push = try Socket<Push>(context, .with { $0.limits = MessageLimits(frames: 1000) })
    try push.connect(endpoint)
    try push.send(Multipart(sizes.map { Message([UInt8](repeating: 0, count: $0)) }), within: patience)
    try push.send(["good"], within: patience)
    guard case .refused(let refusal) = try pull.receive(within: patience) else {
      Issue.record("the message was not refused")
      return
    }
    #expect((refusal.frames, refusal.bytes) == (sizes.count, sizes.reduce(0, +)))
    #expect(refusal.authenticatedUser == nil)
    #expect(try pull.receive(within: patience).message?.texts == ["good"])
  }

  @Test("a frame larger than allowed never arrives: the connection is cut, and others are unharmed", arguments: [
    SocketOptions.Security.none, .client(keys: keys.client, server: keys.server.publicKey),
  ])
  func oversizedFrame(security: SocketOptions.Security) async throws {
    try await withLoop { loop in
      let received = Inbox<[String]>()
      let endpoint = try await loop.run {
        try Authenticator.start(
          on: loop, admitting: AllowList([RegisteredPeer(key: keys.client.publicKey, name: "c", role: "")]))
        let pull = loop.register(
          try Socket<Pull>(
            loop.context,
            .with {
              $0.limits = MessageLimits(frameBytes: 1000)
              if case .client = security { $0.security = .server(keys: keys.server, domain: "test") }
            }))
        pull.onReceive = { received.put(["\($0.byteCount)"]) }
        return try pull.bind("tcp://127.0.0.1:*")
      }
      try await loop.run {
        for size in [5000, 1000] {
          let push = loop.register(try Socket<Push>(loop.context, .with { $0.security = security }))
          try push.connect(endpoint)
          _ = try push.send([Message([UInt8](repeating: 7, count: size))])
        }
      }
      #expect(await received.take(2, within: .milliseconds(1500)) == [["1000"]])
    }
  }


}
