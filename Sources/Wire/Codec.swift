package import Limits
package import Rollout
internal import SwiftProtobuf
package import TrustGRPO

/// Turns messages between roles into frames and back. Decoding enforces every limit: what comes out is bounded, and
/// counts and identifiers are of the right form; whether they are the right ones is for the roles to say.
package struct Codec: Sendable {
  package let limits: Limits

  package init(limits: Limits = .standard) {
    self.limits = limits
  }

  package func encode(_ message: PeerMessage) -> Frame { frame(WirePeerMessage(message)) }
  package func encode(_ message: Publication) -> Frame { frame(WirePublication(message)) }
  package func encode(_ group: ResponseGroup) -> Frame { frame(WireResponseGroup(group)) }
  package func encode(_ group: ScoredGroup) -> Frame { frame(WireScoredGroup(group)) }

  package func encode(_ message: LearnerMessage) -> Frame {
    if case .chunk(let chunk) = message {
      frame(WireLearnerMessage(message), chunk.payload)
    } else {
      frame(WireLearnerMessage(message))
    }
  }

  package func peerMessage(_ frame: Frame) throws(WireError) -> PeerMessage {
    let wire: WirePeerMessage = try parse(frame, "control", limit: limits.messages.fromPeer)
    return try PeerMessage(wire, limits)
  }

  package func learnerMessage(_ frame: Frame) throws(WireError) -> LearnerMessage {
    let wire: WireLearnerMessage = try parse(frame.header, "control", limit: limits.messages.control)
    return try LearnerMessage(wire, frame.payload, limits)
  }

  package func publication(_ frame: Frame) throws(WireError) -> Publication {
    let wire: WirePublication = try parse(frame, "broadcast", limit: limits.messages.control)
    return try Publication(wire, limits)
  }

  package func responseGroup(_ frame: Frame) throws(WireError) -> ResponseGroup {
    let wire: WireResponseGroup = try parse(frame, "response group", limit: limits.messages.data)
    return try ResponseGroup(wire, limits)
  }

  /// - Parameter settings: gamma, totals and advantages are not sent; they follow from the rewards under these.
  package func scoredGroup(_ frame: Frame, settings: TrustGRPOSettings) throws(WireError) -> ScoredGroup {
    let wire: WireScoredGroup = try parse(frame, "scored group", limit: limits.messages.data)
    return try ScoredGroup(wire, limits, settings)
  }

  private func frame(_ message: some Message, _ payload: Payload? = nil) -> Frame {
    Frame(MessageBytes(message).bytes, payload)
  }

  /// Of a message that comes alone.
  private func parse<M: Message>(_ frame: Frame, _ what: String, limit: Int) throws(WireError) -> M {
    try requireNone(frame.payload, what)
    return try parse(frame.header, what, limit: limit)
  }

  private func parse<M: Message>(_ header: [UInt8], _ what: String, limit: Int) throws(WireError) -> M {
    guard header.count <= limit else { throw .beyondLimit("the size of a \(what) message", header.count, limit: limit) }
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = limits.messages.depth
    options.discardUnknownFields = true
    do {
      return try M(serializedBytes: header, options: options)
    } catch {
      throw .malformed(what, "\(error)")
    }
  }
}

func requireNone(_ payload: Payload?, _ what: String) throws(WireError) {
  if let payload { throw .malformed(what, "\(payload.count) bytes come with it that it does not announce") }
}
