import Rollout
import SwiftProtobuf
import Testing

@testable import Wire

/// One kind of frame, with a message of it and what decoding and encoding it again gives.
struct FrameKind: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let make: @Sendable (inout MessageGenerator) throws -> [Frame]
  let again: @Sendable (Frame) throws(WireError) -> Frame

  static let all = [
    FrameKind(testDescription: "peer messages") {
      $0.peerMessages().map { Codec().encode($0) }
    } again: { frame throws(WireError) in
      Codec().encode(try Codec().peerMessage(frame))
    },
    FrameKind(testDescription: "learner messages") {
      $0.learnerMessages().map { Codec().encode($0) }
    } again: { frame throws(WireError) in
      Codec().encode(try Codec().learnerMessage(frame))
    },
    FrameKind(testDescription: "publications") {
      $0.publications().map { Codec().encode($0) }
    } again: { frame throws(WireError) in
      Codec().encode(try Codec().publication(frame))
    },
    FrameKind(testDescription: "response groups") {
      [Codec().encode($0.responseGroup())]
    } again: { frame throws(WireError) in
      Codec().encode(try Codec().responseGroup(frame))
    },
    FrameKind(testDescription: "scored groups") {
      [Codec().encode(try $0.scoredGroup())]
    } again: { frame throws(WireError) in
      Codec().encode(try Codec().scoredGroup(frame, settings: MessageGenerator.settings))
    },
  ]
}

@Suite("Messages across the wire")
struct RoundTripTests {
  private let codec = Codec()

  @Test("every message comes back as it was sent")
  func roundTrip() throws {
    for seed in 0..<200 as Range<UInt64> {
      var generator = MessageGenerator(seed: seed)
      for message in generator.peerMessages() { #expect(try codec.peerMessage(codec.encode(message)) == message) }
      for message in generator.learnerMessages() { #expect(try codec.learnerMessage(codec.encode(message)) == message) }
      for message in generator.publications() { #expect(try codec.publication(codec.encode(message)) == message) }
      let group = generator.responseGroup()
      #expect(try codec.responseGroup(codec.encode(group)) == group)
      let scored = try generator.scoredGroup()
      #expect(try codec.scoredGroup(codec.encode(scored), settings: MessageGenerator.settings) == scored)
    }
  }

  @Test("every message has the bytes that SwiftProtobuf gives it")
  func sameBytes() throws {
    func same(_ frame: Frame, _ message: some Message) throws {
      #expect(try frame.header == message.serializedBytes())
    }
    for seed in 0..<200 as Range<UInt64> {
      var generator = MessageGenerator(seed: seed)
      for message in generator.peerMessages() { try same(codec.encode(message), WirePeerMessage(message)) }
      for message in generator.learnerMessages() { try same(codec.encode(message), WireLearnerMessage(message)) }
      for message in generator.publications() { try same(codec.encode(message), WirePublication(message)) }
      let group = generator.responseGroup()
      try same(codec.encode(group), WireResponseGroup(group))
      let scored = try generator.scoredGroup()
      try same(codec.encode(scored), WireScoredGroup(scored))
    }
  }

  @Test("a frame cut short is refused or is a shorter message, and never a crash", arguments: FrameKind.all)
  func truncated(_ kind: FrameKind) throws {
    for seed in 0..<10 as Range<UInt64> {
      var generator = MessageGenerator(seed: seed)
      for frame in try kind.make(&generator) {
        for count in 0..<frame.header.count {
          expectSettled(kind, Frame(Array(frame.header.prefix(count)), frame.payload))
        }
      }
    }
  }

  @Test("a frame with bytes changed is refused or is another message, and never a crash", arguments: FrameKind.all)
  func flipped(_ kind: FrameKind) throws {
    for seed in 0..<60 as Range<UInt64> {
      var generator = MessageGenerator(seed: seed)
      for frame in try kind.make(&generator) where !frame.header.isEmpty {
        for _ in 0..<20 {
          var damaged = frame
          for _ in 0...generator.below(4) {
            damaged.header[generator.below(frame.header.count)] = UInt8(truncatingIfNeeded: generator.bits())
          }
          expectSettled(kind, damaged)
        }
      }
    }
  }

  @Test("random bytes are refused or are a message, and never a crash", arguments: FrameKind.all)
  func noise(_ kind: FrameKind) {
    var generator = MessageGenerator(seed: 77)
    for _ in 0..<3000 { expectSettled(kind, Frame(generator.bytes(generator.below(60)))) }
  }

  /// What is decoded can be sent on and decoded again to the same.
  private func expectSettled(_ kind: FrameKind, _ frame: Frame) {
    do throws(WireError) {
      let first = try kind.again(frame)
      #expect(try kind.again(first) == first)
    } catch {
      #expect(error.code == "wire.malformed" || error.code == "wire.beyond-limit")
    }
  }
}
