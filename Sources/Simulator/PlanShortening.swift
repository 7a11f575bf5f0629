/// Makes a plan that breaks an invariant shorter, for as long as what is left breaks the same one.
///
/// Zeller and Hildebrandt's delta debugging (TSE 2002): parts of the plan are left out, large ones first. Each fault has
/// draws of its own, so leaving one out changes nothing else until it matters.
package struct PlanShortening: Sendable {
  private let seed: UInt64
  private let options: SimulationOptions
  private let invariant: String
  /// Runs that may still be made.
  private var budget: Int
  package private(set) var runs = 0

  /// - Parameter invariant: that the plan breaks.
  package init(seed: UInt64, options: SimulationOptions, invariant: String, budget: Int = 400) {
    self.seed = seed
    self.options = options
    self.invariant = invariant
    self.budget = budget
  }

  package mutating func shorten(_ plan: [PlannedFault]) -> [PlannedFault] {
    var plan = plan
    var parts = 2
    while plan.count > 1, budget > 0 {
      let size = (plan.count + parts - 1) / parts
      let rests = stride(from: 0, to: plan.count, by: size).lazy.map { start in
        Array(plan[..<start] + plan[min(start + size, plan.count)...])
      }
      var shorter: [PlannedFault]?
      for rest in rests where stillBreaks(rest) {
        shorter = rest
        break
      }
      if let shorter {
        plan = shorter
        parts = max(2, parts - 1)
      } else if size > 1 {
        parts = min(plan.count, 2 * parts)
      } else {
        break
      }
    }
    if plan.count == 1, stillBreaks([]) { plan = [] }
    return plan
  }

  private mutating func stillBreaks(_ plan: [PlannedFault]) -> Bool {
    guard budget > 0 else { return false }
    budget -= 1
    runs += 1
    return Simulation(seed: seed, options: options, plan: plan).run().violations.contains { $0.invariant == invariant }
  }
}
