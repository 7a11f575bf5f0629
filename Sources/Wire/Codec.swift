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

  package func encode(_ message: PeerMessage) -> [UInt8] { bytes(WirePeerMessage(message)) }
  package func encode(_ message: LearnerMessage) -> [UInt8] { bytes(WireLearnerMessage(message)) }
  package func encode(_ message: Publication) -> [UInt8] { bytes(WirePublication(message)) }
  package func encode(_ group: ResponseGroup) -> [UInt8] { bytes(WireResponseGroup(group)) }
  package func encode(_ group: ScoredGroup) -> [UInt8] { bytes(WireScoredGroup(group)) }

  package func peerMessage(_ frame: [UInt8]) throws(WireError) -> PeerMessage {
    let wire: WirePeerMessage = try parse(frame, "control", limit: limits.controlMessage)
    return try PeerMessage(wire, limits)
  }

  package func learnerMessage(_ frame: [UInt8]) throws(WireError) -> LearnerMessage {
    let wire: WireLearnerMessage = try parse(frame, "control", limit: limits.controlMessage)
    return try LearnerMessage(wire, limits)
  }

  package func publication(_ frame: [UInt8]) throws(WireError) -> Publication {
    let wire: WirePublication = try parse(frame, "broadcast", limit: limits.controlMessage)
    return try Publication(wire, limits)
  }

  package func responseGroup(_ frame: [UInt8]) throws(WireError) -> ResponseGroup {
    let wire: WireResponseGroup = try parse(frame, "response group", limit: limits.dataMessage)
    return try ResponseGroup(wire, limits)
  }

  /// - Parameter settings: gamma, totals and advantages are not sent; they follow from the rewards under these.
  package func scoredGroup(_ frame: [UInt8], settings: TrustGRPOSettings) throws(WireError) -> ScoredGroup {
    let wire: WireScoredGroup = try parse(frame, "scored group", limit: limits.dataMessage)
    return try ScoredGroup(wire, limits, settings)
  }

  private func bytes(_ message: some Message) -> [UInt8] {
    // Only messages with required fields or of 2 GiB fail to serialise, and none here can.
    do { return try message.serializedBytes() } catch { preconditionFailure("cannot encode \(type(of: message)): \(error)") }
  }

  private func parse<M: Message>(_ frame: [UInt8], _ what: String, limit: Int) throws(WireError) -> M {
    guard frame.count <= limit else { throw .beyondLimit("the size of a \(what) message", frame.count, limit: limit) }
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = limits.messageDepth
    options.discardUnknownFields = true
    do {
      return try M(serializedBytes: frame, options: options)
    } catch {
      throw .malformed(what, "\(error)")
    }
  }
}
