package import DurableFiles

/// Fetches the model files that a welcome names, one after the other, and checks each one's hash.
package struct ArtifactFetcher: Sendable {
  /// What became of an event.
  package struct Progress: Sendable {
    /// Artifacts that are whole now (a file may be wanted under two names).
    package var whole: [(artifact: Artifact, bytes: [UInt8])] = []
    /// Why fetching cannot go on.
    package var failure: String?
  }

  private static let maximumMismatches = 3

  private let welcome: Welcome
  private let settings: TransferSettings
  private var wanted: [Artifact]?
  private var download: Download?
  private var mismatches = 0
  private var isDone = false

  package init(welcome: Welcome, settings: TransferSettings) {
    self.welcome = welcome
    self.settings = settings
  }

  /// Begins to fetch, `present` left out.
  package mutating func begin(without present: [SHA256Digest]) -> Progress {
    guard wanted == nil else { return Progress() }
    let present = Set(present)
    wanted = welcome.artifacts.filter { !present.contains($0.digest) }
    var progress = Progress()
    proceed(&progress)
    return progress
  }

  package mutating func take(_ chunk: Chunk, at now: Instant) -> Progress {
    var progress = Progress()
    guard download?.take(chunk, at: now) == true, let arrived = download, arrived.isComplete, let artifact = wanted?.first
    else { return progress }
    download = nil
    settle(artifact, arrived.bytes, &progress)
    proceed(&progress)
    return progress
  }

  /// The learner no longer has what was asked for.
  package func missed(_ source: Fetch.Source) -> Progress {
    guard let artifact = wanted?.first, download?.source == source else { return Progress() }
    return Progress(failure: "the learner no longer has \(artifact.path): look at its log and start it again")
  }

  /// What to ask the learner for now.
  package mutating func due(at now: Instant) -> [Fetch] {
    download?.due(at: now) ?? []
  }

  /// The welcome, once, as soon as everything it names is here.
  package mutating func finished() -> Welcome? {
    guard !isDone, wanted?.isEmpty == true else { return nil }
    isDone = true
    return welcome
  }

  /// Turns to the next file. An empty one needs no asking.
  private mutating func proceed(_ progress: inout Progress) {
    while download == nil, progress.failure == nil, let artifact = wanted?.first {
      let next = Download(source: .artifact(artifact.digest), byteCount: artifact.byteCount, settings: settings)
      if next.isComplete { settle(artifact, next.bytes, &progress) } else { download = next }
    }
  }

  /// A file that arrived with other bytes is fetched again, a few times.
  private mutating func settle(_ artifact: Artifact, _ bytes: [UInt8], _ progress: inout Progress) {
    guard SHA256Digest(of: bytes) == artifact.digest else {
      mismatches += 1
      if mismatches >= Self.maximumMismatches {
        progress.failure =
          "\(artifact.path) arrived \(mismatches) times with other bytes than its hash says: it changed on the learner"
      }
      return
    }
    mismatches = 0
    progress.whole += (wanted ?? []).filter { $0.digest == artifact.digest }.map { ($0, bytes) }
    wanted?.removeAll { $0.digest == artifact.digest }
  }
}
