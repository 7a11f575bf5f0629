import Cluster
import ClusterZeroMQ
import Rollout
import ZeroMQ

/// Longer than anything here takes on a busy machine.
let patience = Duration.seconds(20)

/// Keys of a learner, a scorer and a worker, and the learner's list of the other two.
struct Keys {
  let learner: KeyPair
  let scorer: KeyPair
  let worker: KeyPair

  init() throws {
    (learner, scorer, worker) = (try .generate(), try .generate(), try .generate())
  }

  var allowed: [AllowedPeer] {
    [
      AllowedPeer(name: "scorer-0", role: .scorer, publicKey: scorer.publicKey.z85),
      AllowedPeer(name: "worker-0", role: .worker, publicKey: worker.publicKey.z85),
    ]
  }

  func openLearner(port: UInt16 = 0) async throws -> ZeroMQLearnerTransport {
    try await .open(bind: "tcp://127.0.0.1:\(port)", keys: learner, allowed: allowed)
  }

  func openScorer(_ learner: ZeroMQLearnerTransport) async throws -> ZeroMQPeerTransport {
    try await .scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", keys: scorer, learnerKey: self.learner.publicKey)
  }

  func openWorker(_ learner: ZeroMQLearnerTransport, keys: KeyPair? = nil) async throws -> ZeroMQPeerTransport {
    try await .worker(learner: learner.endpoint, keys: keys ?? worker, learnerKey: self.learner.publicKey)
  }
}

extension ZeroMQLearnerTransport {
  var endpoint: String { "tcp://127.0.0.1:\(ports.control)" }
}

extension AsyncStream where Element: Sendable {
  /// The first elements that `choose` accepts, in order; fewer than `count` if they do not come in time.
  func first<Chosen: Sendable>(
    _ count: Int, _ choose: @escaping @Sendable (Element) -> Chosen?
  ) async -> [Chosen] where Self: Sendable {
    await withTaskGroup(of: [Chosen]?.self) { group in
      group.addTask {
        var chosen: [Chosen] = []
        for await element in self {
          if let fits = choose(element) { chosen.append(fits) }
          if chosen.count == count { break }
        }
        return chosen
      }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      if let first { return first }
      return (await group.next() ?? nil) ?? []
    }
  }
}

/// Closes the peers before the learner, with a little time for what they have not sent yet.
func close(_ transports: [any PeerTransport], _ learner: any LearnerTransport) async {
  for transport in transports { await transport.close(linger: .milliseconds(200)) }
  await learner.close(linger: .milliseconds(200))
}
