internal import Foundation
internal import Rollout
internal import ZeroMQ

/// The same bytes to the same number of receivers by the shortest way there is: a PUSH socket to each, filled in turn from
/// one thread, without copying; a PULL socket, a context and a thread each to receive.
struct PlainBroadcast {
  /// Bytes of a message.
  let chunk: Int
  let receivers: Int
  let curve: Bool
  /// If it is given, receivers put the bytes into place and check them, as workers do.
  let manifest: WeightManifest?

  private static let patience = Duration.seconds(120)
  private static let domain = "bench"

  /// - Returns: what it took from the first byte sent until the last receiver had everything.
  func run(_ bytes: [UInt8]) async throws -> Lap {
    let (server, client) = (try KeyPair.generate(), try KeyPair.generate())
    let loop = try PollLoop(name: "zap", context: ZeroMQContext())
    let list = AllowList([RegisteredPeer(key: client.publicKey, name: "receiver", role: "worker")])
    if curve {
      try await withCheckedThrowingContinuation { continuation in
        loop.submit { continuation.resume(with: Swift.Result { try Authenticator.start(on: loop, admitting: list) }) }
      }
    }
    let sending = options(curve ? .server(keys: server, domain: Self.domain) : .none)
    let receiving = options(curve ? .client(keys: client, server: server.publicKey) : .none)
    let (endpoints, bound) = AsyncStream.makeStream(of: String.self)
    let isReceived = DispatchSemaphore(value: 0)
    async let end = withThrowingTaskGroup(of: Void.self) { group in
      defer { isReceived.signal() }
      for await endpoint in endpoints {
        group.addTask { try await onThread { try receive(endpoint, receiving, byteCount: bytes.count) } }
      }
      try await group.waitForAll()
    }
    let context = loop.context
    let start = try await onThread { try send(bytes, context, sending, bound, until: isReceived) }
    try await end
    let lap = start.lap
    try await loop.stop(within: .zero)
    return lap
  }

  /// - Returns: when it began.
  private func send(
    _ bytes: [UInt8], _ context: ZeroMQContext, _ options: SocketOptions, _ bound: AsyncStream<String>.Continuation,
    until isReceived: DispatchSemaphore
  ) throws -> Lap.Start {
    defer { bound.finish() }
    let senders = try (0..<receivers).map { _ in try Sender(context, options) }
    for sender in senders { bound.yield(sender.endpoint) }
    bound.finish()
    // All are connected before the clock starts.
    for sender in senders { try sender.socket.send([Message("ready?")], within: Self.patience) }
    let start = Lap.Start.now
    for offset in stride(from: 0, to: bytes.count, by: chunk) {
      let payload = Payload(bytes[offset..<min(offset + chunk, bytes.count)])
      let message = payload.withUnsafeBytes { Message(sharing: $0, owner: Owner(payload)) }
      for sender in senders { try sender.socket.send([message], within: Self.patience) }
    }
    // A receiver that is behind loses what it has not read when its connection is closed.
    withExtendedLifetime(senders) { isReceived.wait() }
    return start
  }

  private func options(_ security: SocketOptions.Security) -> SocketOptions {
    var options = SocketOptions()
    options.security = security
    options.sendHighWaterMark = 16
    options.receiveHighWaterMark = 16
    return options
  }

  private func receive(_ endpoint: String, _ options: SocketOptions, byteCount: Int) throws {
    let socket = try Socket<Pull>(ZeroMQContext(), options)
    try socket.connect(endpoint)
    guard case .message = try socket.receive(within: Self.patience) else { return }
    var target = [UInt8](unsafeUninitializedCapacity: manifest == nil ? 0 : byteCount) {
      $1 = manifest == nil ? 0 : byteCount
    }
    var received = 0
    while received < byteCount {
      guard case .message(let message) = try socket.receive(within: Self.patience) else { continue }
      if manifest != nil {
        target.withUnsafeMutableBytes { target in
          message.frames[0].withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: target[received..<received + $0.count]).copyMemory(from: $0)
          }
        }
      }
      received += message.byteCount
    }
    if let manifest { precondition(target.withUnsafeBytes { manifest.firstMismatch(in: $0) } == nil) }
  }

  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Swift.Result(catching: body)) }
    }
  }
}

/// Lives on the sending thread.
private final class Sender {
  let socket: Socket<Push>
  let endpoint: String

  init(_ context: ZeroMQContext, _ options: SocketOptions) throws(ZeroMQError) {
    let socket = try Socket<Push>(context, options)
    endpoint = try socket.bind("tcp://127.0.0.1:*")
    self.socket = socket
  }
}

/// Keeps the bytes of a message, and with them their address.
private final class Owner: Sendable {
  private let payload: Payload

  init(_ payload: Payload) {
    self.payload = payload
  }
}
