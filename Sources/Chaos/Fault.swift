package import Cluster
package import Rollout

/// One fault of a plan.
package struct Fault: Sendable, Equatable {
  package var what: FaultKind
  package var whom: Target
  package var when: Moment
  /// How long it lasts; nil where it does not, or to the end of the run.
  package var length: Duration?
  package var parameters = Parameters()

  package init(_ what: FaultKind, _ whom: Target, when: Moment, length: Duration? = nil) {
    self.what = what
    self.whom = whom
    self.when = when
    self.length = length
  }

  package enum Target: Sendable, Equatable {
    /// Drawn from the seed among all that the fault may hit.
    case any
    /// The learner, or one of that role drawn from the seed.
    case role(Role)
    case process(Role, Int)
  }

  package enum Moment: Sendable, Equatable {
    /// Before anything is started; its length counts from the start of the process that is hit.
    case start
    /// After the first group has been admitted.
    case after(Duration)
    /// Once that step has been trained.
    case step(Int)
    /// When the process that is hit comes to that point and has passed it so often before.
    case point(ProtocolPoint, passes: Int)
  }

  /// How it is done; each fault looks at its own.
  package struct Parameters: Sendable, Equatable {
    package var delay = Duration.milliseconds(200)
    package var jitter = Duration.zero
    package var way = Way.out
    /// Bytes a second.
    package var rate = 50_000
    package var share = 0.2
    package var bytes = 3000
    package var by = Duration.seconds(3600)
    package var messages = 20
    package var times = 3
    package var connections = 20
    package var manner = Manner.error

    package init() {}
  }

  /// How a served thinking-reward model answers. What is left out would change the weights: an answer without a score is
  /// missing for good.
  package enum Manner: String, Sendable, CaseIterable {
    case tooMany = "429"
    case error = "500"
    case silent, drip, broken, late
  }

  /// As seen from the process that is hit.
  package enum Way: String, Sendable, CaseIterable { case `in`, out }
}

extension Fault.Target: CustomStringConvertible {
  package var description: String {
    switch self {
    case .any: "any"
    case .role(let role): role.rawValue
    case .process(.learner, _): Role.learner.rawValue
    case .process(let role, let index): "\(role.rawValue) \(index)"
    }
  }

  var role: Role? {
    switch self {
    case .any: nil
    case .role(let role), .process(let role, _): role
    }
  }

  /// As `LocalProcess` names it, once it is known which one.
  var processName: String {
    switch self {
    case .process(.learner, _), .role(.learner): Role.learner.rawValue
    case .process(let role, let index): "\(role.rawValue)-\(index)"
    case .any, .role: description
    }
  }
}

extension Fault.Moment: CustomStringConvertible {
  package var description: String {
    switch self {
    case .start: "start"
    case .after(let time): time.text
    case .step(let step): "step \(step)"
    case .point(let point, 0): point.rawValue
    case .point(let point, let passes): "\(point.rawValue) \(passes)"
    }
  }
}

extension Fault: CustomStringConvertible {
  /// For a line of progress: `stop worker 1 for 2 s`.
  package var description: String {
    let how = what.parameters.map { " \($0.rawValue) \(parameters.text(of: $0))" }.joined(separator: ",")
    return "\(what.rawValue) \(whom)\(how)" + (length.map { " for \($0.text)" } ?? "")
  }

  /// As a plan has it.
  package var yaml: String {
    var keys = [("what", what.rawValue), ("whom", whom.description), ("when", when.description)]
    if let length { keys.append(("for", length.text)) }
    keys += what.parameters.map { ($0.rawValue, parameters.text(of: $0)) }
    return "{" + keys.map { "\($0.0): \($0.1)" }.joined(separator: ", ") + "}"
  }
}

extension Fault.Parameters {
  func text(of parameter: FaultParameter) -> String {
    switch parameter {
    case .delay: delay.text
    case .jitter: jitter.text
    case .way: way.rawValue
    case .rate: "\(rate)"
    case .share: "\(share)"
    case .bytes: "\(bytes)"
    case .by: by.text
    case .messages: "\(messages)"
    case .times: "\(times)"
    case .connections: "\(connections)"
    case .manner: manner.rawValue
    }
  }
}
