internal import Rollout
internal import Wire
internal import ZeroMQ

extension Message: StableBytes {}

extension Frame {
  /// What arrives from the learner: a message, and a chunk's bytes where the network library has put them.
  ///
  /// - Returns: nil for what no frame looks like.
  init?(_ message: Multipart) {
    guard let header = message.frames.first, message.frames.count <= 2 else { return nil }
    self.init(header.bytes, message.frames.count == 2 ? Payload(message.frames[1]) : nil)
  }

  /// Nothing is copied: the payload is kept until the network library has sent it.
  var messages: [Message] {
    guard let payload else { return [Message(header)] }
    return [Message(header), payload.withUnsafeBytes { Message(sharing: $0, owner: PayloadOwner(payload)) }]
  }
}

/// Keeps a payload, and with it its address.
private final class PayloadOwner: Sendable {
  private let payload: Payload

  init(_ payload: Payload) {
    self.payload = payload
  }
}
