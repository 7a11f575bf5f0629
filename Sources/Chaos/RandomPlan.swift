internal import Cluster
internal import Rollout
package import Settings

/// Plans drawn from a seed.
package enum RandomPlan {
  /// What needs neither root nor a package, so that a seed gives the same plan on every machine. Often hit is what is often
  /// met.
  private static let kinds: [FaultKind] =
    [.kill, .kill, .kill, .stop, .stop, .pauseNetwork, .delay, .cut, .cut, .halfOpen, .slow, .corrupt, .reset, .reset]
    + [.damageCheckpoint, .badMessages, .judgeErrors, .badJudge, .strangers]

  /// `count` faults from the seed, spread over the steps of the run: each has a stretch of its own, for two that hold the same
  /// process at once would only hide one another.
  ///
  /// - Parameter settings: of the run that is to meet it.
  package static func draw(_ count: Int, seed: UInt64, settings: RunSettings) -> FaultPlan {
    let faults = (0..<count).map { index in
      // The last steps are left to recover in.
      let steps = max(1, settings.run.steps - 3)
      let stretch = (1 + index * steps / count)...max(1 + index * steps / count, (index + 1) * steps / count)
      return fault(Draws(seed: seed, fault: index), stretch, settings)
    }
    return FaultPlan(name: "\(count) faults from seed \(seed)", faults: faults.sorted { order($0) < order($1) })
  }

  private static func fault(_ draws: Draws, _ stretch: ClosedRange<Int>, _ settings: RunSettings) -> Fault {
    // Without a judge there is none to be bad.
    let kind = draws.element(of: kinds.filter { $0 != .badJudge || (settings.algorithm.usesThinking && settings.thinking.kind != .none) }, 1)
    let roles = kind.roles.filter { role in
      role == .learner || (role == .worker ? settings.cluster.workers : settings.cluster.scorers) > 0
    }
    let role = draws.element(of: roles.isEmpty ? [.learner] : roles, 2)
    let members = role == .worker ? settings.cluster.workers : role == .scorer ? settings.cluster.scorers : 1
    let step = stretch.lowerBound + draws.below(stretch.count, 3)
    var fault = Fault(kind, .process(role, draws.below(members, 4)), when: .step(step))
    let points = ProtocolPoint.points(of: role)
    if [.kill, .stop].contains(kind), draws.below(2, 5) == 0 {
      let point = draws.element(of: points, 6)
      let isRare = [.trained, .publishing, .checkpointing, .checkpointed].contains(point)
      fault.when = .point(point, passes: draws.below(isRare ? 2 : 4, 7))
    }
    if kind == .judgeErrors { fault.when = .point(.scoring, passes: draws.below(6, 7)) }
    if kind.lasts == .always { fault.length = .milliseconds(300 + 100 * draws.below(25, 8)) }
    for parameter in kind.parameters { draw(parameter, draws, into: &fault.parameters) }
    return fault
  }

  private static func draw(_ parameter: FaultParameter, _ draws: Draws, into parameters: inout Fault.Parameters) {
    switch parameter {
    case .delay: parameters.delay = .milliseconds(20 + 10 * draws.below(30, 9))
    case .jitter: parameters.jitter = .milliseconds(10 * draws.below(20, 10))
    case .way: parameters.way = draws.element(of: Fault.Way.allCases, 11)
    case .rate: parameters.rate = 20_000 + 5_000 * draws.below(17, 12)
    case .share: parameters.share = Double(6 + draws.below(13, 13)) / 20
    case .bytes: parameters.bytes = draws.below(20_000, 14)
    case .messages: parameters.messages = 1 + draws.below(50, 15)
    case .times: parameters.times = 1 + draws.below(4, 16)
    case .connections: parameters.connections = 1 + draws.below(40, 17)
    case .manner: parameters.manner = draws.element(of: Fault.Manner.allCases, 18)
    case .by: break
    }
  }

  /// By time, as far as that is known.
  private static func order(_ fault: Fault) -> Int {
    switch fault.when {
    case .start: 0
    case .after: 1
    case .step(let step): 2 * step + 1
    case .point(_, let passes): 2 * passes
    }
  }
}
