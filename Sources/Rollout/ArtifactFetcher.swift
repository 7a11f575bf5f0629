package import DurableFiles

/// Fetches the model files that a welcome names, one after the other, and checks each one's hash.
package struct ArtifactFetcher: Sendable {
  /// What became of an event.
  package struct Progress: Sendable {
    /// Artifacts that are whole now (a file may be wanted under two names).
    package var whole: [(artifact: Artifact, bytes: [UInt8])] = []
    /// What to ask the learner for.
    package var next: Fetch?
    /// Why fetching cannot go on.
    package var failure: String?
  }

  private static let maximumMismatches = 3

  private let welcome: Welcome
  private var wanted: [Artifact]?
  private var download: Download?
  private var mismatches = 0
  private var isDone = false

  package init(welcome: Welcome) {
    self.welcome = welcome
  }

  /// Begins to fetch, `present` left out.
  package mutating func begin(without present: [SHA256Digest], at now: Instant) -> Progress {
    guard wanted == nil else { return Progress() }
    let present = Set(present)
    wanted = welcome.artifacts.filter { !present.contains($0.digest) }
    var progress = Progress()
    proceed(at: now, &progress)
    return progress
  }

  package mutating func take(_ chunk: Chunk, at now: Instant) -> Progress {
    var progress = Progress()
    guard download?.take(chunk, at: now) == true, let bytes = download?.bytes, let artifact = wanted?.first else {
      return progress
    }
    progress.next = download?.pull(at: now)
    if progress.next == nil {
      download = nil
      settle(artifact, bytes, &progress)
      proceed(at: now, &progress)
    }
    return progress
  }

  /// The learner no longer has what was asked for.
  package func missed(_ source: Fetch.Source) -> Progress {
    guard let artifact = wanted?.first, download?.source == source else { return Progress() }
    return Progress(failure: "the learner no longer has \(artifact.path): look at its log and start it again")
  }

  /// What to ask for again after `patience` without a chunk.
  package mutating func retry(at now: Instant, patience: Duration) -> Fetch? {
    download?.pullIfStuck(at: now, patience: patience)
  }

  /// The welcome, once, as soon as everything it names is here.
  package mutating func finished() -> Welcome? {
    guard !isDone, wanted?.isEmpty == true else { return nil }
    isDone = true
    return welcome
  }

  /// Asks for the next file. An empty one needs no asking.
  private mutating func proceed(at now: Instant, _ progress: inout Progress) {
    while progress.failure == nil, let artifact = wanted?.first {
      var fresh = Download(source: .artifact(artifact.digest), byteCount: artifact.byteCount, now: now)
      if let fetch = fresh.pull(at: now) {
        download = fresh
        progress.next = fetch
        return
      }
      settle(artifact, fresh.bytes, &progress)
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
