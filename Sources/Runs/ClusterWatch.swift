internal import ActionableErrors
internal import Cluster
internal import ClusterZeroMQ
package import Rollout
internal import Wire
internal import ZeroMQ

/// An observer's connection to a learner: asks for a look, and waits for the answer.
package actor ClusterWatch {
  private struct Question {
    let number: Int
    let isAnswer: @Sendable (LearnerMessage) -> Bool
    let asker: CheckedContinuation<LearnerMessage?, Never>
  }

  private let learner: String
  private let timeout: Duration
  private let transport: ZeroMQPeerTransport
  private let codec = Codec()
  private var question: Question?
  private var asked = 0
  /// Why the learner will never answer.
  private var failure: (any ActionableError)?

  /// - Parameters:
  ///   - join: the learner's control socket, `tcp://HOST:PORT`.
  ///   - keys: an observer's invite, or a folder of keys with the pair `name`.
  ///   - timeout: how long an answer may take.
  package init(join: String, keys: String, name: String?, timeout: Duration) async throws {
    learner = join
    self.timeout = timeout
    let keys = try JoinKeys(keys, name: name, as: .observer)
    transport = try await ZeroMQPeerTransport.worker(learner: join, keys: keys.pair, learnerKey: keys.learner)
    Task { [weak self, transport] in
      for await inbound in transport.inbound { await self?.receive(inbound) }
    }
  }

  package func cluster() async throws -> ClusterSnapshot {
    let answer = try await ask(.cluster) { if case .cluster = $0 { true } else { false } }
    guard case .cluster(let snapshot) = answer else { throw WatchError.silent(learner, timeout) }
    return snapshot
  }

  package func story(of unit: UnitID) async throws -> UnitStory {
    let answer = try await ask(.unit(unit)) { if case .story(let story) = $0 { story.unit == unit } else { false } }
    guard case .story(let story) = answer else { throw WatchError.silent(learner, timeout) }
    return story
  }

  package func close() async {
    settle(nil)
    await transport.close(linger: .zero)
  }

  /// Asks again once a second: the first question may have come before the connection, or to a learner that had just begun.
  private func ask(
    _ look: Look, isAnswer: @escaping @Sendable (LearnerMessage) -> Bool
  ) async throws -> LearnerMessage? {
    if let failure { throw failure }
    precondition(question == nil, "one question at a time")
    asked += 1
    let frame = codec.encode(.look(look, protocolVersion: protocolVersion))
    let asking = Task { [transport, timeout, number = asked] in
      let deadline = ContinuousClock.now + timeout
      while !Task.isCancelled, ContinuousClock.now < deadline {
        transport.send(frame)
        try? await Task.sleep(for: min(.seconds(1), deadline - .now))
      }
      guard !Task.isCancelled else { return }
      settle(nil, of: number)
      // What lies between may have forgotten the connection, and not say so.
      transport.connectAnew()
    }
    defer { asking.cancel() }
    let answer = await withCheckedContinuation { asker in
      question = Question(number: asked, isAnswer: isAnswer, asker: asker)
    }
    if let failure { throw failure }
    if case .refused(let reason) = answer { throw WatchError.refused(learner, reason) }
    return answer
  }

  private func receive(_ inbound: PeerInbound) {
    switch inbound {
    case .control(let frame):
      guard let message = try? codec.learnerMessage(frame) else { return }
      if case .refused = message { return settle(message) }
      if question?.isAnswer(message) == true { settle(message) }
    case .failed(let error):
      failure = error
      settle(nil)
    case .published, .data: break
    }
  }

  private func settle(_ answer: LearnerMessage?, of number: Int? = nil) {
    guard let question, number == nil || number == question.number else { return }
    self.question = nil
    question.asker.resume(returning: answer)
  }
}

/// The learner does not show itself.
struct WatchError: ActionableError {
  let code: String
  let message: String
  let advice: String

  static func silent(_ learner: String, _ timeout: Duration) -> WatchError {
    WatchError(
      code: "watch.silent", message: "the learner at \(learner) has not answered within \(Int(timeout.inSeconds)) s",
      advice: Reachability.explain(learner) ?? "it accepts connections: look at its log, and whether the learner's key is that of the invite")
  }

  static func refused(_ learner: String, _ reason: String) -> WatchError {
    WatchError(
      code: "watch.refused", message: "the learner at \(learner) refuses: \(reason)",
      advice: "use an invite of the run's that is for observers: sophia keys invite NAME --role observer")
  }
}
