/// What is to be made of the bytes that a worker has collected of a version. It takes a while for large weights, so the
/// worker's loop does not do it itself.
package struct WeightAssembly: Sendable {
  package enum Form: Sendable {
    case full
    /// A delta, and the bytes that it applies to.
    case delta(base: [UInt8])
  }

  package enum Outcome: Sendable {
    /// The weights; every tensor has the manifest's hash.
    case whole([UInt8])
    case damaged(reason: String)
  }

  package let manifest: WeightManifest
  package let form: Form
  package let collected: [UInt8]

  package init(manifest: WeightManifest, form: Form, collected: [UInt8]) {
    self.manifest = manifest
    self.form = form
    self.collected = collected
  }

  /// - Returns: `bytes`, if they are what the manifest says.
  package func checked(_ bytes: [UInt8]) -> Outcome {
    guard bytes.count == manifest.byteCount else {
      return .damaged(reason: "\(bytes.count) bytes where the manifest says \(manifest.byteCount)")
    }
    if let tensor = bytes.withUnsafeBytes({ manifest.firstMismatch(in: $0) }) {
      return .damaged(reason: "the bytes of \(tensor) do not have the manifest's hash")
    }
    return .whole(bytes)
  }
}
