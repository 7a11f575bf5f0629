package import DurableFiles

/// Fetches the model files that a welcome names, one after the other, and checks each one's hash.
package struct ArtifactFetcher: Sendable {
  private let welcome: Welcome
  private var wanted: [Artifact]?
  private var download: Download?
  private var isDone = false

  package init(welcome: Welcome) {
    self.welcome = welcome
  }

  /// Which artifacts need not be fetched. Fetching starts after this.
  package mutating func markPresent(_ digests: [SHA256Digest]) {
    let present = Set(digests)
    wanted = welcome.artifacts.filter { !present.contains($0.digest) }
  }

  /// What to ask for, if nothing is under way.
  package mutating func begin(at now: Instant) -> Fetch? {
    guard download == nil, let artifact = wanted?.first else { return nil }
    download = Download(source: .artifact(artifact.digest), byteCount: artifact.byteCount, now: now)
    return download?.pull(at: now)
  }

  /// - Returns: the artifacts that are whole with this chunk (a file may be wanted under two names), and what to ask
  ///   for next.
  package mutating func take(_ chunk: Chunk, at now: Instant) -> (whole: [(Artifact, [UInt8])], next: Fetch?) {
    guard download?.take(chunk, at: now) == true, let bytes = download?.bytes, let artifact = wanted?.first else {
      return ([], nil)
    }
    if let next = download?.pull(at: now) { return ([], next) }
    download = nil
    // A file that arrived with other bytes is fetched again.
    guard SHA256Digest(of: bytes) == artifact.digest else { return ([], begin(at: now)) }
    let whole = (wanted ?? []).filter { $0.digest == artifact.digest }
    wanted?.removeAll { $0.digest == artifact.digest }
    return (whole.map { ($0, bytes) }, begin(at: now))
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
}
