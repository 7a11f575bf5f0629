/// Which policy version a worker samples from, which one it loads, and which one it collects.
///
/// Versions only grow while one learner serves, so an announcement that comes late is passed over. They change between
/// groups only, and only after every tensor's hash agrees with the manifest.
struct PolicyVersions: Sendable {
  private(set) var current: WeightManifest?
  private var loading: WeightManifest?
  /// A learner that started again serves other weights than those that are being loaded.
  private var loadingIsVoid = false
  private var wanted: (manifest: WeightManifest, download: Download)?

  var version: UInt64? { current?.version }
  var isLoading: Bool { loading != nil }

  /// The newest version that is here or on its way.
  var newest: UInt64? { wanted?.manifest.version ?? (loadingIsVoid ? nil : loading?.version) ?? current?.version }

  /// The learner announced a version to all; its bytes follow by themselves.
  mutating func announced(_ manifest: WeightManifest, at now: Instant) {
    if newest.map({ manifest.version > $0 }) ?? true { collect(manifest, at: now) }
  }

  /// The learner said which version it is at.
  ///
  /// - Parameter isOther: it started again: what is here counts only if it is the very same.
  /// - Returns: what to ask for.
  mutating func welcomed(_ manifest: WeightManifest, isOther: Bool, at now: Instant) -> Fetch? {
    if isOther {
      loadingIsVoid = loading.map { $0 != manifest } ?? false
      // Once the void version is loaded, the engine no longer holds the current one.
      if current != manifest || loadingIsVoid { current = nil }
      if wanted?.manifest != manifest { wanted = nil }
    }
    if newest.map({ manifest.version > $0 }) ?? true { collect(manifest, at: now) }
    guard let wanted, !wanted.download.isPulled else { return nil }
    return self.wanted?.download.pull(at: now)
  }

  /// - Returns: what to ask for. A gap in a broadcast will not close by itself.
  mutating func take(_ chunk: Chunk, at now: Instant) -> Fetch? {
    guard let isNext = wanted?.download.take(chunk, at: now) else { return nil }
    let isGap = !isNext && wanted?.download.isAhead(chunk) == true
    let isPulled = wanted?.download.isPulled == true
    return isPulled && isNext || !isPulled && isGap ? wanted?.download.pull(at: now) : nil
  }

  mutating func retry(at now: Instant, patience: Duration) -> Fetch? {
    wanted?.download.pullIfStuck(at: now, patience: patience)
  }

  /// The learner no longer has the version.
  ///
  /// - Returns: whether it was the one that is collected here.
  mutating func missed(_ source: Fetch.Source) -> Bool {
    guard wanted?.download.source == source else { return false }
    wanted = nil
    return true
  }

  enum Arrival {
    case whole(WeightManifest, [UInt8])
    /// The bytes of `tensor` are not those of the manifest; ask again.
    case damaged(version: UInt64, tensor: String, again: Fetch?)
  }

  /// The collected version once, as soon as it is complete.
  mutating func load(at now: Instant) -> Arrival? {
    guard loading == nil, let (manifest, download) = wanted, download.isComplete else { return nil }
    if let tensor = download.bytes.withUnsafeBytes({ manifest.firstMismatch(in: $0) }) {
      return .damaged(version: manifest.version, tensor: tensor, again: wanted?.download.restart(at: now))
    }
    wanted = nil
    loading = manifest
    return .whole(manifest, download.bytes)
  }

  mutating func loaded(_ version: UInt64) {
    guard let manifest = loading, manifest.version == version else { return }
    // The engine holds these weights now, whether or not they are wanted any more.
    current = loadingIsVoid ? nil : manifest
    loading = nil
    loadingIsVoid = false
  }

  private mutating func collect(_ manifest: WeightManifest, at now: Instant) {
    wanted = (
      manifest, Download(source: .weights(version: manifest.version), byteCount: manifest.byteCount, now: now)
    )
  }
}
