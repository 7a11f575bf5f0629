/// Decides, inside the process, who may connect to its CURVE sockets: libzmq asks it over ZAP (RFC 27).
///
/// It admits registered keys, and gives each connection the key as its user id. Everything else, connections without
/// encryption included, is refused.
package enum Authenticator {
  private static let endpoint = "inproc://zeromq.zap.01"

  /// Starts answering on `loop`. To be called before any socket of the context is bound; one a context.
  ///
  /// - Parameters:
  ///   - allowList: read at each new connection, so that changes count at once.
  ///   - refused: called on the loop's thread with the address and, if it showed one, the key of a peer turned away.
  package static func start(
    on loop: PollLoop, admitting allowList: AllowList,
    refused: @escaping (_ address: String, _ key: PublicKey?) -> Void = { _, _ in }
  ) throws(ZeroMQError) {
    var options = SocketOptions()
    options.limits = MessageLimits(frames: 12, frameBytes: 4096, messageBytes: 16384)
    options.linger = .zero
    let socket = try Socket<Router>(loop.context, options)
    try socket.bind(endpoint)
    let channel = loop.register(socket)
    channel.onReceive = { [unowned channel] message in
      guard let request = ZAPRequest(message) else { return }
      let peer = request.curveKey.flatMap(allowList.peer(holding:))
      if peer == nil { refused(request.address, request.curveKey) }
      // The asking side is inside libzmq and takes one answer a request, so this can neither block nor fail in a way
      // that someone could act on; without an answer the connection is cut when its handshake times out.
      _ = try? channel.send(request.reply(admitting: peer?.key))
    }
  }
}

/// One question of libzmq: may the holder of these credentials connect?
private struct ZAPRequest {
  /// Frames that lead the answer back: routing id and delimiter.
  private let envelope: [Message]
  private let requestID: Message
  let address: String
  /// The key that the peer proved to hold; nil for any mechanism other than CURVE.
  let curveKey: PublicKey?

  private static let version = "1.0"

  /// - Returns: nil for what is not a request of the version that libzmq speaks.
  init?(_ message: Multipart) {
    // Routing id, delimiter, version, request id, domain, address, routing id of the peer, mechanism, credentials.
    let frames = message.frames
    guard frames.count >= 8, frames[1].count == 0, frames[2].text == Self.version else { return nil }
    envelope = Array(frames[0...1])
    requestID = frames[3]
    address = frames[5].text
    let isCurve = frames[7].text == "CURVE" && frames.count == 9
    curveKey = isCurve ? PublicKey(bytes: frames[8].bytes) : nil
  }

  func reply(admitting key: PublicKey?) -> Multipart {
    let (status, text) = key == nil ? ("400", "not registered") : ("200", "OK")
    let user = key?.z85 ?? ""
    return Multipart(envelope + [Message(Self.version), requestID] + [status, text, user, ""].map { Message($0) })
  }
}

extension Message {
  fileprivate var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
}
