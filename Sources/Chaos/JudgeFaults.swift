internal import DurableFiles
internal import JudgeServer
internal import Settings
internal import Synchronization

/// The served thinking-reward model of a run whose plan has `bad-judge`: it lives in this process, gives every trace a grade that
/// depends on its text alone, and answers badly while faults say so.
final class JudgeFaults: Sendable {
  private let server: JudgeServer
  private let faults = ActiveFaults()

  init() throws {
    server = try JudgeServer(
      grade: { Double(SHA256Digest(of: Array($0.thinking.utf8)).bytes[0] % 11) / 10 },
      behave: { [faults] _ in faults.next() })
  }

  func close() { server.close() }

  /// The run with this judge in the place of its own. Short waits, so that a bad answer is soon given up.
  func settings(_ settings: RunSettings) -> RunSettings {
    var settings = settings
    settings.thinking.kind = .served
    settings.thinking.url = server.url
    settings.thinking.model = "chaos"
    settings.thinking.requestSeconds = min(1, settings.cluster.leaseSeconds / 4)
    settings.thinking.waitSeconds = max(1, settings.cluster.leaseSeconds / 2)
    settings.thinking.whenDown = .decline
    return settings
  }

  /// What is the same wherever it listens.
  static func withoutAddress(_ settings: RunSettings) -> RunSettings {
    var settings = settings
    settings.thinking.url = ""
    return settings
  }

  /// - Returns: ends it, and says how often it has struck.
  func begin(_ fault: Fault, as number: Int) -> @Sendable () -> Proof {
    let manner = fault.parameters.manner
    faults.begin(number, manner.behaviour, share: fault.parameters.share)
    return { [faults] in
      let (hits, requests) = faults.end(number)
      let proof = "\(hits) of \(requests) requests to the judge were answered so: \(manner.rawValue)"
      return hits > 0 ? .found(proof) : .missing(proof)
    }
  }
}

/// What the judge does with its next request.
private final class ActiveFaults: Sendable {
  private struct Active {
    let behaviour: JudgeBehaviour
    let share: Double
    /// Grows by `share` with each request; at 1 a request is hit.
    var due = 0.0
    var hits = 0
    var requests = 0
  }

  private let active = Mutex([Int: Active]())

  func begin(_ number: Int, _ behaviour: JudgeBehaviour, share: Double) {
    active.withLock { $0[number] = Active(behaviour: behaviour, share: share) }
  }

  func end(_ number: Int) -> (hits: Int, requests: Int) {
    active.withLock { $0.removeValue(forKey: number).map { ($0.hits, $0.requests) } ?? (0, 0) }
  }

  func next() -> JudgeBehaviour {
    active.withLock { active in
      for number in active.keys.sorted() {
        guard var fault = active[number] else { continue }
        fault.requests += 1
        fault.due += fault.share
        let isHit = fault.due >= 1 - 1e-9
        if isHit {
          fault.due -= 1
          fault.hits += 1
        }
        active[number] = fault
        if isHit { return fault.behaviour }
      }
      return .answer()
    }
  }
}

extension Fault.Manner {
  fileprivate var behaviour: JudgeBehaviour {
    switch self {
    case .tooMany: .refuse(status: 429, retryAfter: 1)
    case .error: .refuse(status: 500)
    case .silent: .hang
    case .drip: .drip(milliseconds: 100)
    case .broken: .breakOff
    case .late: .late(milliseconds: 1500)
    }
  }
}
