internal import Rollout
internal import Wire

/// Messages and their bytes.
extension Simulation {
  // MARK: Sending

  func send(_ message: consuming PeerMessage, by connection: Int) {
    let frame = codec.encode(message)
    send(frame, of: .peer(consume message), by: connection, isForward: true)
  }

  func send(_ message: consuming LearnerMessage, by connection: Int, size: Double? = nil) {
    // More than a fourth of what the learner says is this.
    let frame = if case .heartbeat = message { heartbeatFrame } else { codec.encode(message) }
    send(frame, of: .learner(consume message), by: connection, isForward: false, size: size)
  }

  // MARK: Reading

  func peerMessage(_ letter: Letter) throws -> PeerMessage {
    if !isReread(letter), case .peer(let message) = letter.content { return message }
    let message = try codec.peerMessage(letter.frame)
    return try same(message, .peer(message), letter)
  }

  func learnerMessage(_ letter: Letter) throws -> LearnerMessage {
    if !isReread(letter), case .learner(let message) = letter.content { return message }
    let message = try codec.learnerMessage(letter.frame)
    return try same(message, .learner(message), letter)
  }

  func publication(_ letter: Letter) throws -> Publication {
    if !isReread(letter), case .publication(let message) = letter.content { return message }
    let message = try codec.publication(letter.frame)
    return try same(message, .publication(message), letter)
  }

  func responseGroup(_ letter: Letter) throws -> ResponseGroup {
    if !isReread(letter), case .group(let group) = letter.content { return group }
    let group = try codec.responseGroup(letter.frame)
    return try same(group, .group(group), letter)
  }

  func scoredGroup(_ letter: Letter) throws -> ScoredGroup {
    if !isReread(letter), case .scored(let group) = letter.content { return group }
    let group = try codec.scoredGroup(letter.frame, settings: options.trustGRPO)
    return try same(group, .scored(group), letter)
  }

  private func isReread(_ letter: Letter) -> Bool {
    guard letter.content != nil else { return true }
    lettersRead += 1
    return lettersRead % 61 == 0
  }

  private func same<Kind>(_ message: Kind, _ content: Letter.Message, _ letter: Letter) throws -> Kind {
    guard letter.content.map({ $0 == content }) ?? true else {
      throw Violation("S9", "a message was read from its bytes as another than was sent: \(content)")
    }
    return message
  }
}
