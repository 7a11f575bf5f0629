internal import Rollout
internal import WeightDeltas

/// A policy version as the learner hands it out.
struct PolicyVersion: Sendable {
  /// Names the delta, if there is one.
  let manifest: WeightManifest
  let weights: [UInt8]
  let delta: [UInt8]?

  init(first manifest: WeightManifest, weights: [UInt8]) {
    self.manifest = manifest
    self.weights = weights
    delta = nil
  }

  /// The version that was trained from `previous`.
  ///
  /// - Parameter metrics: gets what the delta cost and how large it is.
  init(_ manifest: WeightManifest, weights: [UInt8], after previous: PolicyVersion, _ metrics: inout [Metric]) {
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
struct ServedWeights: Sendable {
  private(set) var newest: WeightManifest
  private var versions: [UInt64: PolicyVersion]

  init(_ first: PolicyVersion) {
    newest = first.manifest
    versions = [newest.version: first]
  }

  mutating func publish(_ version: PolicyVersion) {
    newest = version.manifest
    versions[newest.version] = version
  }

  mutating func release(_ released: [UInt64]) {
    for version in released where version != newest.version { versions[version] = nil }
  }

  /// The part of a version's or a delta's bytes that is asked for, where it lies; nil if there is none.
  func payload(_ fetch: Fetch) -> Payload? {
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
