import Glibc
import Testing

@testable import ZeroMQ

@Suite("Peers that vanish")
struct VanishedPeerTests {
  /// libzmq 4.3 keeps a connection that has failed for as long as its messages cannot be taken over, and ends the process if a
  /// ping is to be sent on it then, or is found among what has come.
  @Test("while nobody reads: what they had sent is there still, and the process too")
  func unread() async throws {
    try await withLoop { loop in
      let (received, events) = (Inbox<String>(), Inbox<SocketEvent.Kind>())
      let small = SocketOptions.with {
        ($0.sendHighWaterMark, $0.receiveHighWaterMark) = (4, 4)
      }
      let (pull, endpoint) = try await loop.run {
        let pull = loop.register(try Socket<Pull>(loop.context, small))
        try pull.watch { events.put($0.kind) }
        return (OnLoop(value: pull), try pull.bind("tcp://127.0.0.1:*"))
      }
      try await vanish(after: 2000, from: endpoint, on: loop)
      // Longer than the two seconds between pings that there used to be.
      try await Task.sleep(for: .seconds(3))
      try await loop.run { pull.value.onReceive = { received.put($0.texts[0]) } }
      #expect(await received.take(4, within: patience).first == "0")
      try await loop.run {
        let push = loop.register(try Socket<Push>(loop.context, small))
        try push.watch { if $0.kind == .handshakeSucceeded { _ = try? push.send(Multipart(texts: ["again"])) } }
        try push.connect(endpoint)
      }
      #expect(await received.take(1000, within: .seconds(5)).contains("again"))
    }
  }

  /// A peer that sends so many messages and whose connection is then reset.
  private func vanish(after messages: Int, from endpoint: String, on loop: PollLoop) async throws {
    let (connected, waiting) = (Inbox<Int32>(), Inbox<Bool>())
    let push = try await loop.run {
      var options = SocketOptions()
      (options.sendHighWaterMark, options.linger) = (1000, .zero)
      let push = loop.register(try Socket<Push>(loop.context, options), queue: QueueLimits(messages: messages, bytes: 1 << 30))
      try push.watch {
        if $0.kind == .connected { connected.put($0.value) }
        if $0.kind == .handshakeSucceeded {
          for number in 0..<messages {
            guard let outcome = try? push.send(Multipart([Message("\(number)"), Message([UInt8](repeating: 0, count: 4096))])) else { return }
            if case .queued = outcome { waiting.put(true) }
          }
        }
      }
      try push.connect(endpoint)
      return OnLoop(value: push)
    }
    let descriptor = try #require(await connected.take(1).first)
    _ = await waiting.take(1)
    try await Task.sleep(for: .milliseconds(300))
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    try await loop.run { push.value.close() }
  }
}
