/// What ails the service that thinking rewards are asked of.
struct ServiceFaults: Sendable {
  private var strengths: [FaultKind: Double] = [:]

  mutating func begin(_ kind: FaultKind, strength: Double) {
    strengths[kind, default: 0] += strength
  }

  mutating func end(_ kind: FaultKind, strength: Double) {
    let rest = strengths[kind, default: 0] - strength
    strengths[kind] = rest > 1e-9 ? rest : nil
  }

  func chance(of kind: FaultKind) -> Double { min(1, strengths[kind] ?? 0) }
}
