internal import Rollout
internal import TrustGRPO
internal import Wire

extension FuzzTarget {
  /// One for each plane and role: what a peer with a key, or a learner, can send.
  static let wire: [FuzzTarget] = [
    message("peer-message", decode: { try codec.peerMessage($0) }, encode: { codec.encode($0) }),
    message("learner-message", decode: { try codec.learnerMessage($0) }, encode: { codec.encode($0) }),
    message("publication", decode: { try codec.publication($0) }, encode: { codec.encode($0) }),
    message("response-group", decode: { try codec.responseGroup($0) }, encode: { codec.encode($0) }),
    message(
      "scored-group", decode: { try codec.scoredGroup($0, settings: TrustGRPOSettings()) }, encode: { codec.encode($0) },
      check: admit),
  ]

  private static let codec = Codec()

  /// The first byte says how many bytes at the end come beside the message.
  ///
  /// Values are compared as they are written: a NaN is not equal to itself.
  private static func message<Message>(
    _ name: String, decode: @escaping @Sendable (Frame) throws -> Message,
    encode: @escaping @Sendable (Message) -> Frame, check: @escaping @Sendable (Message) -> Void = { _ in }
  ) -> FuzzTarget {
    FuzzTarget(name, maximumLength: 1024) { bytes in
      var input = FuzzInput(bytes)
      let payload = input.last(input.byte())
      guard let message = try? decode(Frame(input.bytes, payload.isEmpty ? nil : Payload(payload))) else { return false }
      check(message)
      let written = encode(message)
      do {
        require(encode(try decode(written)).header == written.header, "\(message) changes when it is sent on")
      } catch {
        require(false, "\(message) is refused when it is sent on: \(error)")
      }
      return true
    }
  }

  /// Nothing that is not finite gets to the learner (S9).
  @Sendable
  private static func admit(_ group: ScoredGroup) {
    let rules = AdmissionRules(
      groupSize: group.responses.count, maximumResponseTokens: 1024, vocabularySize: 1 << 20, staleness: .max)
    guard (try? rules.check(group)) != nil else { return }
    let rewards = group.rewards
    let numbers = rewards.totals + rewards.advantages + [rewards.weight, rewards.standardDeviation]
    require(numbers.allSatisfy(\.isFinite), "an admitted group has the rewards \(rewards)")
    require((rewards.gamma ?? 1) >= 0 && (rewards.gamma ?? 1) <= 1, "gamma of an admitted group is \(rewards.gamma ?? 1)")
  }
}
