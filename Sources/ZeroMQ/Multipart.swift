/// Frames that travel together: all of them arrive, in order, or none does.
package struct Multipart: Sendable, ExpressibleByArrayLiteral {
  package var frames: [Message]

  package init(_ frames: [Message]) {
    self.frames = frames
  }

  package init(arrayLiteral frames: Message...) {
    self.frames = frames
  }

  /// Bytes of all frames together.
  package var byteCount: Int { frames.reduce(0) { $0 + $1.count } }

  /// Whose connection the frames came over, as the authenticator knows it.
  package var authenticatedUser: String? { frames.last?.authenticatedUser }
}

/// How much one message may be made of.
package struct MessageLimits: Sendable, Hashable {
  /// Frames in one message.
  package var frames: Int
  /// Bytes in one frame. The connection of a peer that announces a larger one is cut before it is read.
  package var frameBytes: Int
  /// Bytes in all frames together.
  package var messageBytes: Int

  package init(frames: Int = 16, frameBytes: Int = 64 << 20, messageBytes: Int = 64 << 20) {
    self.frames = frames
    self.frameBytes = frameBytes
    self.messageBytes = messageBytes
  }

  func check(_ message: Multipart) throws(ZeroMQError) {
    guard !message.frames.isEmpty, message.frames.count <= frames else {
      throw ZeroMQError(
        code: "frame-count", message: "a message of \(message.frames.count) frames, where 1 to \(frames) are allowed",
        advice: "send fewer frames")
    }
    let largest = message.frames.reduce(0) { max($0, $1.count) }
    guard largest <= frameBytes, message.byteCount <= messageBytes else {
      throw ZeroMQError(
        code: "too-large",
        message: "a message of \(message.byteCount) bytes (largest frame \(largest)), "
          + "where \(messageBytes) (\(frameBytes) a frame) are allowed",
        advice: "send it in chunks, or raise the limit on both sides")
    }
  }
}

/// What one attempt to receive gave.
package enum Reception: Sendable {
  /// Nothing has arrived.
  case nothing
  case message(Multipart)
  /// A whole message was read off the socket and thrown away because it broke the limits.
  case refused(Refusal)
}

/// A message that was thrown away on arrival.
package struct Refusal: Sendable, Equatable {
  package let frames: Int
  package let bytes: Int
  /// Who sent it, as the authenticator knows it.
  package let authenticatedUser: String?
  /// Of the connection that it came over.
  let descriptor: Int32
}
