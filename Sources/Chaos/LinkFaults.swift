internal import FaultProxy

/// What the fault links do to the connections of one process.
struct LinkFaults: Sendable {
  let links: LinkBoard

  /// Sets the condition of `fault`.
  ///
  /// - Returns: what ends it and says what it did.
  func begin(_ fault: Fault, as number: Int) -> @Sendable () -> Proof {
    let name = fault.whom.processName
    let before = links.counts(of: name)
    links.begin(condition(of: fault), on: name, fault.what == .cut ? fault.parameters.way : nil, as: number)
    return { [links] in
      links.end(number)
      return proof(fault.what, links.counts(of: name) - before)
    }
  }

  private func condition(of fault: Fault) -> LinkCondition {
    var condition = LinkCondition.clear
    switch fault.what {
    case .pauseNetwork, .cut: condition.isCut = true
    case .delay: (condition.delay, condition.jitter) = (fault.parameters.delay, fault.parameters.jitter)
    case .slow: condition.bytesPerSecond = fault.parameters.rate
    case .corrupt: condition.corruption = fault.parameters.share
    default: break
    }
    return condition
  }

  func freeze(_ name: String) -> Proof {
    let before = links.counts(of: name)
    for member in links.members(of: name) { member.link.freezeConnections() }
    return proof(.halfOpen, links.counts(of: name) - before)
  }

  /// Waits until a connection has been reset after `bytes` more bytes either way.
  func reset(_ name: String, after bytes: Int) async throws -> Proof {
    let before = links.counts(of: name)
    func arm(_ bytes: Int) {
      for member in links.members(of: name) {
        for direction in LinkDirection.allCases { member.link.resetAfter(bytes: bytes, direction) }
      }
    }
    arm(bytes)
    // One is enough: those that have not come to it are spared.
    defer { arm(.max / 2) }
    while true {
      let proof = proof(.reset, links.counts(of: name) - before)
      if proof.isFound { return proof }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func proof(_ kind: FaultKind, _ counts: LinkCounts) -> Proof {
    let (count, what) =
      switch kind {
      case .pauseNetwork, .cut: (counts.bytesHeld, "bytes held back by the cut")
      case .delay: (counts.bytesDelayed, "bytes delayed")
      case .slow: (counts.pausesForRate, "times that bytes waited for the slow link")
      case .corrupt: (counts.bytesCorrupted, "bytes changed")
      case .halfOpen: (counts.frozen, "connections gone silent")
      default: (counts.resets, "connections reset in the middle of what they carried")
      }
    return Proof(isFound: count > 0, lines: ["\(what): \(count)"])
  }
}
