/// Which policy version a worker samples from, which one it loads, and which one it collects.
///
/// Versions only grow while one learner serves, so an announcement that comes late is passed over. They change while
/// nothing is generated, and only after every tensor's hash agrees with the manifest. A version that is being collected is
/// finished before the newest one is turned to, so that a link on which a version takes longer than a step still brings
/// one after another.
struct PolicyVersions: Sendable {
  private struct Collection: Sendable {
    let manifest: WeightManifest
    /// What a delta applies to; nil while the weights themselves are collected.
    let base: [UInt8]?
    var download: Download
    var isAssembling = false
  }

  /// What the engine samples from.
  private(set) var current: WeightManifest? { didSet { noteLoad() } }
  private var loading: WeightManifest? { didSet { noteLoad() } }
  /// A learner that started again serves other weights than those that are being loaded.
  private var loadingIsVoid = false
  /// The newest version that is here whole: loaded, or to be loaded; a delta applies to it.
  private var held: (manifest: WeightManifest, bytes: [UInt8])? { didSet { noteLoad() } }
  /// The memory of a version that nobody needs any more, while versions come in full: the next one is collected in it.
  /// Taking fresh memory costs as much as hashing what is put there.
  private var spare: [UInt8] = []
  private var collecting: Collection?
  /// The newest version announced while another was being collected.
  private var next: WeightManifest?
  private let transfer: TransferSettings
  /// Whether nothing is collected before it is known what this machine has.
  private var awaitsLocal: Bool
  private var local: LocalWeights?
  /// Bytes of the first version that this machine had.
  private(set) var localBytes = 0

  /// - Parameter awaitsLocal: whether `foundLocal` will be called.
  init(transfer: TransferSettings, awaitsLocal: Bool = false) {
    self.transfer = transfer
    self.awaitsLocal = awaitsLocal
  }

  /// - Parameter weights: nil if there are none.
  mutating func foundLocal(_ weights: LocalWeights?) {
    awaitsLocal = false
    local = weights
    collectNext()
  }

  // With every event of the worker these are asked for: they are brought up to date when a version changes.
  private(set) var version: UInt64?
  private(set) var isLoading = false
  /// Whether the engine does not sample from the newest version that is here, and does not load one already.
  private(set) var isLoadDue = false

  private mutating func noteLoad() {
    version = current?.version
    isLoading = loading != nil
    isLoadDue = false
    if let held, !isLoading { isLoadDue = current?.isSamePolicy(as: held.manifest) != true }
  }

  /// The newest version that is here, on its way or next.
  var newest: UInt64? { next?.version ?? collecting?.manifest.version ?? held?.manifest.version ?? current?.version }

  /// The learner announced a version to all.
  mutating func announced(_ manifest: WeightManifest) {
    guard newest.map({ manifest.version > $0 }) ?? true else { return }
    next = manifest
    collectNext()
  }

  /// The learner said which version it is at.
  ///
  /// - Parameter isOther: it started again: what is here counts only if it is the very same.
  mutating func welcomed(_ manifest: WeightManifest, isOther: Bool) {
    if isOther {
      func isSame(_ other: WeightManifest?) -> Bool { other?.isSamePolicy(as: manifest) == true }
      loadingIsVoid = loading != nil && !isSame(loading)
      // Once the void version is loaded, the engine no longer holds the current one.
      if !isSame(current) || loadingIsVoid { current = nil }
      if !isSame(held?.manifest) { held = nil }
      if !isSame(collecting?.manifest) { collecting = nil }
      next = nil
    }
    announced(manifest)
  }

  // MARK: Collecting

  mutating func take(_ chunk: Chunk, at now: Instant) {
    _ = collecting?.download.take(chunk, at: now)
  }

  /// What to ask the learner for now.
  mutating func due(at now: Instant) -> [Fetch] {
    collecting?.download.due(at: now) ?? []
  }

  /// The learner no longer has what is being collected.
  ///
  /// - Returns: whether only a new welcome can say what to collect instead.
  mutating func missed(_ source: Fetch.Source) -> Bool {
    guard let missed = collecting, missed.download.source == source, !missed.isAssembling else { return false }
    collecting = nil
    if next != nil {
      collectNext()
    } else if missed.base != nil {
      collect(missed.manifest, by: nil)
    }
    return collecting == nil
  }

  /// What to assemble, once, as soon as everything has come.
  mutating func assembly() -> WeightAssembly? {
    guard collecting?.download.isComplete == true, let collection = collecting, !collection.isAssembling else { return nil }
    collecting?.isAssembling = true
    return WeightAssembly(
      manifest: collection.manifest, form: collection.base.map { .delta(base: $0) } ?? .full,
      collected: collection.download.bytes)
  }

  /// What came out of it. Damaged weights are collected again, and in full.
  ///
  /// - Returns: what was wrong with them.
  mutating func assembled(_ manifest: WeightManifest, _ outcome: WeightAssembly.Outcome) -> String? {
    guard let collection = collecting, collection.isAssembling, collection.manifest.isSamePolicy(as: manifest) else {
      return nil
    }
    collecting = nil
    switch outcome {
    case .whole(let bytes):
      // What the engine is loading is in use still.
      if collection.base == nil, let held, loading?.version != held.manifest.version { spare = held.bytes }
      held = (manifest, bytes)
      collectNext()
      return nil
    case .damaged(let reason):
      if next == nil { collect(manifest, by: nil) } else { collectNext() }
      return reason
    }
  }

  private mutating func collectNext() {
    guard collecting == nil, !awaitsLocal, let manifest = next else { return }
    next = nil
    collect(manifest, by: manifest.delta)
  }

  private mutating func collect(_ manifest: WeightManifest, by delta: WeightManifest.Delta?) {
    var (source, byteCount) = (Fetch.Source.weights(version: manifest.version), manifest.byteCount)
    var base: [UInt8]?
    if let delta, let held, held.manifest.version == delta.base, held.manifest.digest == delta.baseDigest {
      (source, byteCount, base) = (.delta(version: manifest.version), delta.byteCount, held.bytes)
    }
    var (memory, here) = (spare, [Range<Int>]())
    spare = []
    // Once: then there is a version to go on from.
    if base == nil, let local {
      (memory, here) = (local.bytes, local.shared(with: manifest))
      localBytes = here.reduce(0) { $0 + $1.count }
      self.local = nil
    }
    collecting = Collection(
      manifest: manifest, base: base,
      download: Download(source: source, byteCount: byteCount, settings: transfer, in: memory, holding: here))
  }

  // MARK: Loading

  /// What the engine is to load, once, if it does not sample from the newest version that is here.
  mutating func load() -> (manifest: WeightManifest, bytes: [UInt8])? {
    guard isLoadDue, let held else { return nil }
    loading = held.manifest
    return held
  }

  mutating func loaded(_ version: UInt64) {
    guard let manifest = loading, manifest.version == version else { return }
    // The engine holds these weights now, whether or not they are wanted any more.
    current = loadingIsVoid ? nil : manifest
    loading = nil
    loadingIsVoid = false
  }
}
