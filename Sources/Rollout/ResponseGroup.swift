package import DurableFiles
package import TrustGRPO

/// Permission to generate the group of one unit, until a deadline that the learner keeps.
package struct Lease: Sendable, Hashable {
  package var id: LeaseID
  package var unit: UnitID
  /// 1 for the first issue of the unit.
  package var attempt: UInt32
  /// The oldest policy version that may be sampled from; in a group, the one that was.
  package var version: UInt64
  /// Step of training that the group is for, from 1.
  package var step: UInt32
  package var task: PromptTask

  package init(
    id: LeaseID, unit: UnitID, attempt: UInt32, version: UInt64, step: UInt32, task: PromptTask
  ) {
    self.id = id
    self.unit = unit
    self.attempt = attempt
    self.version = version
    self.step = step
    self.task = task
  }
}

/// One sampled response.
package struct Response: Sendable, Hashable {
  package enum Finish: String, Sendable, Hashable, Codable { case stop, length }

  /// Token ids, the stop token included.
  package var tokens: [Int32]
  /// Behaviour log-probability of each token under the version that sampled it, nats, finite and at most 0.
  package var logProbabilities: [Float]
  package var finish: Finish
  /// The tokens without the stop token, decoded.
  package var text: String

  package init(tokens: [Int32], logProbabilities: [Float], finish: Finish, text: String) {
    self.tokens = tokens
    self.logProbabilities = logProbabilities
    self.finish = finish
    self.text = text
  }
}

/// The responses to one lease, as generated.
package struct ResponseGroup: Sendable, Hashable {
  package var lease: Lease
  /// Exactly the run's group size.
  package var responses: [Response]
  /// Seconds the worker spent generating.
  package var seconds: Double

  package init(lease: Lease, responses: [Response], seconds: Double) {
    self.lease = lease
    self.responses = responses
    self.seconds = seconds
  }

  /// What it takes of memory, about.
  package var byteCount: Int {
    responses.reduce(lease.task.byteCount) { $0 + 8 * $1.tokens.count + $1.text.utf8.count + 64 }
  }
}

/// A group with its rewards, as the learner admits it. The task stays behind; its digest says which one was scored.
package struct ScoredGroup: Sendable, Hashable {
  package var lease: LeaseID
  package var unit: UnitID
  package var attempt: UInt32
  package var version: UInt64
  package var step: UInt32
  package var taskDigest: SHA256Digest
  package var responses: [Response]
  /// Outcome reward of each response, in [0, 1].
  package var outcomes: [Double]
  /// Thinking reward of each response, in [0, 1]; nil where it is missing.
  package var thinking: [Double?]
  /// Equations 1 to 6 over the group.
  package var rewards: GroupRewards
  package var generationSeconds: Double
  package var scoringSeconds: Double
  /// Under which name the key is registered that the responses came from. The scorer vouches for it, and the learner takes a
  /// lease's group from nobody but its holder.
  package var worker: String

  package init(
    lease: LeaseID, unit: UnitID, attempt: UInt32, version: UInt64, step: UInt32, taskDigest: SHA256Digest,
    responses: [Response], outcomes: [Double], thinking: [Double?], rewards: GroupRewards,
    generationSeconds: Double, scoringSeconds: Double, worker: String = ""
  ) {
    self.lease = lease
    self.unit = unit
    self.attempt = attempt
    self.version = version
    self.step = step
    self.taskDigest = taskDigest
    self.responses = responses
    self.outcomes = outcomes
    self.thinking = thinking
    self.rewards = rewards
    self.generationSeconds = generationSeconds
    self.scoringSeconds = scoringSeconds
    self.worker = worker
  }
}
