internal import Rollout

/// Weights whose hashes agreed, and what they were put together from.
struct AssembledWeights {
  let bytes: [UInt8]
  private let assembly: WeightAssembly

  init(_ assembly: WeightAssembly, _ bytes: [UInt8]) {
    self.assembly = assembly
    self.bytes = bytes
  }

  var manifest: WeightManifest { assembly.manifest }

  func isMade(by other: WeightAssembly) -> Bool {
    guard manifest.digest == other.manifest.digest, assembly.collected == other.collected else { return false }
    return switch (assembly.form, other.form) {
    case (.full, .full): true
    case (.delta(let base), .delta(let otherBase)): base == otherBase
    case (.full, .delta), (.delta, .full): false
    }
  }
}
