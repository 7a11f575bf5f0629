internal import Cluster
internal import Rollout
package import Settings

/// A plan in which nothing is left open: who is hit is drawn, and whether the run can meet it is checked.
package struct FaultSchedule: Sendable, Equatable {
  package let plan: FaultPlan
  package let seed: UInt64
  package var faults: [Fault] { plan.faults }

  /// - Parameters:
  ///   - seed: decides what the plan leaves to be drawn. The same plan and seed give the same schedule.
  ///   - settings: of the run that is to meet it.
  package init(_ plan: FaultPlan, seed: UInt64, settings: RunSettings) throws(PlanError) {
    var plan = plan
    for index in plan.faults.indices {
      var fault = plan.faults[index]
      let place = "\(plan.name), fault \(index + 1) (\(fault))"
      fault.whom = try Self.resolved(fault, draws: Draws(seed: seed, fault: index), settings.cluster, place)
      try Self.check(fault, settings, place)
      plan.faults[index] = fault
    }
    self.plan = plan
    self.seed = seed
  }

  private static func resolved(
    _ fault: Fault, draws: Draws, _ cluster: RunSettings.Cluster, _ place: String
  ) throws(PlanError) -> Fault.Target {
    func count(_ role: Role) -> Int {
      switch role {
      case .learner: 1
      case .scorer: cluster.scorers
      case .worker: cluster.workers
      case .observer: 0
      }
    }
    switch fault.whom {
    case .any:
      let all = fault.what.roles.flatMap { role in (0..<count(role)).map { (role, $0) } }
      let (role, index) = all[draws.below(all.count, 0)]
      return .process(role, index)
    case .role(let role):
      guard count(role) > 0 else {
        throw PlanError(
          "no-target", "\(place): the run has no \(role.rawValue)",
          advice: "set cluster.\(role.rawValue)s, or hit another role")
      }
      return .process(role, draws.below(count(role), 0))
    case .process(let role, let index):
      guard index < count(role) else {
        throw PlanError(
          "no-target", "\(place): the run has \(count(role)) \(role.rawValue)s, counted from 0",
          advice: "set cluster.\(role.rawValue)s in the plan's settings, or hit one of those")
      }
      return fault.whom
    }
  }

  private static func check(_ fault: Fault, _ settings: RunSettings, _ place: String) throws(PlanError) {
    if case .step(let step) = fault.when, step >= settings.run.steps {
      throw PlanError(
        "too-late",
        "\(place): the run ends with step \(settings.run.steps), and nothing comes after it that could be disturbed",
        advice: "hit an earlier step, or set run.steps in the plan's settings")
    }
    if case .point(.checkpointing, _) = fault.when, settings.run.checkpointEvery == 0 {
      throw PlanError(
        "too-late", "\(place): the run makes one checkpoint, at its end",
        advice: "set run.checkpointEvery in the plan's settings")
    }
  }
}

/// Numbers drawn for one fault: a function of the seed, the fault and the purpose, and of nothing else.
struct Draws {
  private let random: CounterRandom

  init(seed: UInt64, fault: Int) {
    random = CounterRandom(seed: seed, epoch: UInt32(truncatingIfNeeded: fault), prompt: 0xC4A05, sample: 0)
  }

  /// - Parameter purpose: numbers for different purposes are independent.
  func below(_ limit: Int, _ purpose: UInt32) -> Int {
    Int(random.bits(at: purpose).multipliedFullWidth(by: UInt64(max(1, limit))).high)
  }

  func element<Element>(of choices: [Element], _ purpose: UInt32) -> Element { choices[below(choices.count, purpose)] }
}
