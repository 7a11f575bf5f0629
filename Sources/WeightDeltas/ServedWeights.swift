package import Rollout

/// A policy version as the learner hands it out.
package struct PolicyVersion: Sendable {
  /// Names the delta, if there is one.
  package let manifest: WeightManifest
  package let weights: [UInt8]
  package let delta: [UInt8]?

  package init(first manifest: WeightManifest, weights: [UInt8]) {
    self.manifest = manifest
    self.weights = weights
    delta = nil
  }

  /// The version that was trained from `previous`.
  ///
  /// - Parameter metrics: gets what the delta cost and how large it is.
  package init(_ manifest: WeightManifest, weights: [UInt8], after previous: PolicyVersion, _ metrics: inout [Metric]) {
    let started = ContinuousClock.now
    let delta = WeightDelta.make(from: previous.weights, to: weights, manifest)
    metrics.append(Metric("seconds.delta", (ContinuousClock.now - started).inSeconds))
    if !weights.isEmpty { metrics.append(Metric("delta.share", Double(delta?.count ?? weights.count) / Double(weights.count))) }
    self.manifest = manifest.offering(delta, from: previous.manifest)
    self.weights = weights
    self.delta = delta
  }
}

/// The policy versions that workers may fetch, in memory.
package struct ServedWeights: Sendable {
  package private(set) var newest: WeightManifest
  private var versions: [UInt64: PolicyVersion]

  package init(_ first: PolicyVersion) {
    newest = first.manifest
    versions = [newest.version: first]
  }

  package mutating func publish(_ version: PolicyVersion) {
    newest = version.manifest
    versions[newest.version] = version
  }

  package mutating func release(_ released: [UInt64]) {
    for version in released where version != newest.version { versions[version] = nil }
  }

  /// The part of a version's or a delta's bytes that is asked for, where it lies; nil if there is none.
  package func payload(_ fetch: Fetch) -> Payload? {
    let bytes: [UInt8]? =
      switch fetch.source {
      case .weights(let version): versions[version]?.weights
      case .delta(let version): versions[version]?.delta
      case .artifact: nil
      }
    guard let bytes, fetch.offset < bytes.count else { return nil }
    return Payload(bytes[fetch.offset..<min(bytes.count, fetch.offset + fetch.count)])
  }
}
