internal import TrustGRPO

/// Why a group is not taken. What is refused never reaches the ledger; the lease goes on or runs out.
package enum Refusal: Error, Sendable, Hashable, CustomStringConvertible {
  case notAScorer(PeerID)
  case unknownLease(LeaseID)
  case otherTask(LeaseID)
  case wrongUnit(LeaseID)
  case otherWorker(LeaseID, worker: String)
  case wrongGroupSize(expected: Int, found: Int)
  case wrongCount(what: String, expected: Int, found: Int)
  case emptyResponse(member: Int)
  case tooLong(member: Int, tokens: Int, limit: Int)
  case badLogProbability(member: Int, position: Int, value: Float)
  case badReward(what: String, member: Int, value: Double)
  case tokenOutsideVocabulary(member: Int, token: Int32)
  case stale(version: UInt64, step: UInt32, bound: Int)

  package var description: String {
    switch self {
    case .notAScorer(let peer): "\(peer) is not a scorer and may not push scored groups"
    case .unknownLease(let lease): "lease \(lease) is not one that counts (late, or of another incarnation)"
    case .otherTask(let lease): "the group of lease \(lease) was scored against a task other than the one issued"
    case .otherWorker(let lease, let worker): "lease \(lease) is not \(worker)'s"
    case .wrongUnit(let lease): "unit, attempt, version or step are not those of lease \(lease)"
    case .wrongGroupSize(let expected, let found): "\(found) responses where the group size is \(expected)"
    case .wrongCount(let what, let expected, let found): "\(found) \(what) for \(expected) responses or tokens"
    case .emptyResponse(let member): "response \(member) has no token"
    case .tooLong(let member, let tokens, let limit): "response \(member) has \(tokens) tokens, more than \(limit)"
    case .badLogProbability(let member, let position, let value):
      "log-probability \(value) at token \(position) of response \(member) is not a finite number of at most 0"
    case .badReward(let what, let member, let value): "\(what) \(value) of response \(member) is not in [0, 1]"
    case .tokenOutsideVocabulary(let member, let token): "token \(token) of response \(member) is not in the vocabulary"
    case .stale(let version, let step, let bound):
      "version \(version) is more than \(bound) behind what step \(step) trains on"
    }
  }
}

/// What every group must satisfy to be admitted, whoever sent it (S8, S9).
package struct AdmissionRules: Sendable, Hashable {
  package var groupSize: Int
  package var maximumResponseTokens: Int
  package var vocabularySize: Int
  /// Largest allowed difference between the step trained and the step that made the sampling version.
  package var staleness: Int

  package init(groupSize: Int, maximumResponseTokens: Int, vocabularySize: Int, staleness: Int) {
    self.groupSize = groupSize
    self.maximumResponseTokens = maximumResponseTokens
    self.vocabularySize = vocabularySize
    self.staleness = staleness
  }

  package func check(_ group: ScoredGroup) throws(Refusal) {
    guard group.responses.count == groupSize else {
      throw .wrongGroupSize(expected: groupSize, found: group.responses.count)
    }
    try check("outcome rewards", count: group.outcomes.count, expected: groupSize)
    try check("thinking rewards", count: group.thinking.count, expected: groupSize)
    try check("advantages", count: group.rewards.advantages.count, expected: groupSize)
    for (member, response) in group.responses.enumerated() {
      try check(response, member: member)
      try check("outcome reward", group.outcomes[member], member: member)
      if let score = group.thinking[member] { try check("thinking reward", score, member: member) }
      guard group.rewards.advantages[member].isFinite else {
        throw .badReward(what: "advantage", member: member, value: group.rewards.advantages[member])
      }
    }
    guard isFresh(version: group.version, step: group.step) else {
      throw .stale(version: group.version, step: group.step, bound: staleness)
    }
  }

  /// Step `s` trains on top of version `s - 1`; a sample may be at most `staleness` versions older.
  package func isFresh(version: UInt64, step: UInt32) -> Bool {
    guard step >= 1 else { return false }
    let base = UInt64(step) - 1
    return version <= base && base - version <= UInt64(staleness)
  }

  private func check(_ response: Response, member: Int) throws(Refusal) {
    guard !response.tokens.isEmpty else { throw .emptyResponse(member: member) }
    guard response.tokens.count <= maximumResponseTokens else {
      throw .tooLong(member: member, tokens: response.tokens.count, limit: maximumResponseTokens)
    }
    try check("log-probabilities", count: response.logProbabilities.count, expected: response.tokens.count)
    for (position, value) in response.logProbabilities.enumerated() where !(value.isFinite && value <= 0) {
      throw .badLogProbability(member: member, position: position, value: value)
    }
    for token in response.tokens where token < 0 || token >= vocabularySize {
      throw .tokenOutsideVocabulary(member: member, token: token)
    }
  }

  private func check(_ what: String, count: Int, expected: Int) throws(Refusal) {
    guard count == expected else { throw .wrongCount(what: what, expected: expected, found: count) }
  }

  private func check(_ what: String, _ value: Double, member: Int) throws(Refusal) {
    guard value >= 0, value <= 1 else { throw .badReward(what: what, member: member, value: value) }
  }
}
