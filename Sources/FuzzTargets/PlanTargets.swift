internal import Ablation
internal import Chaos

extension FuzzTarget {
  static let plans: [FuzzTarget] = [
    FuzzTarget("fault-plan", maximumLength: 768, dictionary: "faults", run: faultPlan),
    FuzzTarget("ablation-plan", maximumLength: 1024, dictionary: "ablation", run: ablationPlan),
  ]

  @Sendable
  private static func faultPlan(_ bytes: [UInt8]) -> Bool {
    guard let plan = try? FaultPlan.parse(String(decoding: bytes, as: UTF8.self), file: "fuzzed.yaml") else { return false }
    // YAML has no keys of more than 1024 characters on a line, and no setting has such a name.
    guard plan.settings.allSatisfy({ $0.prefix { $0 != "=" }.utf8.count <= 64 }) else { return true }
    let written = plan.yaml()
    do {
      let read = try FaultPlan.parse(written, file: "fuzzed.yaml")
      require(read.faults.map(\.what) == plan.faults.map(\.what), "a plan of other faults is written:\n\(written)")
    } catch {
      require(false, "a plan is written that is none: \(error)\n\(written)")
    }
    return true
  }

  @Sendable
  private static func ablationPlan(_ bytes: [UInt8]) -> Bool {
    guard let plan = try? AblationPlan.parse(String(decoding: bytes, as: UTF8.self), file: "fuzzed.yaml") else { return false }
    require(1...8 ~= plan.arms.count, "an accepted plan has \(plan.arms.count) arms")
    return true
  }
}
