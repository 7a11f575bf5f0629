import Testing

@testable import Rollout

@Suite("The versions that the learner keeps")
struct WeightShelfTests {
  private static let start = Instant(nanoseconds: 0)

  private func shelf(_ newest: UInt64 = 0, bound: Int = 4) -> WeightShelf {
    WeightShelf(newest: newest, patience: .seconds(10), bound: bound)
  }

  @Test("are the newest alone while nobody fetches")
  func newest() {
    var shelf = shelf()
    #expect(shelf.release(at: Self.start) == [])
    shelf.publish(1)
    #expect(shelf.release(at: Self.start) == [0])
    #expect(shelf.versions == [1])
  }

  @Test("keep one that a peer is fetching until it asks for a newer one, is silent for too long, or leaves")
  func inUse() {
    for end in 0..<3 {
      var shelf = shelf()
      #expect(shelf.serve(0, to: .worker, at: Self.start) == true)
      shelf.publish(1)
      #expect(shelf.release(at: Self.start + .seconds(10)) == [])
      #expect(shelf.serve(0, to: .worker, at: Self.start + .seconds(10)) == true)
      #expect(shelf.release(at: Self.start + .seconds(20)) == [])
      switch end {
      case 0: #expect(shelf.serve(1, to: .worker, at: Self.start + .seconds(20)) == true)
      case 1: shelf.leave(.worker)
      default: break
      }
      #expect(shelf.release(at: Self.start + .seconds(end == 2 ? 21 : 20)) == [0])
      #expect(shelf.serve(0, to: .worker, at: Self.start + .seconds(21)) == false)
    }
  }

  @Test("keep one that a peer has been told of and is about to fetch, beside the one it is fetching")
  func offered() {
    var shelf = shelf()
    #expect(shelf.serve(0, to: .worker, at: Self.start) == true)
    shelf.publish(1)
    shelf.offer(to: .worker, at: Self.start)
    shelf.publish(2)
    #expect(shelf.release(at: Self.start) == [])
    #expect(shelf.serve(1, to: .worker, at: Self.start) == true)
    #expect(shelf.release(at: Self.start) == [0])
  }

  @Test("are kept as long as any of several peers fetches them")
  func several() {
    var shelf = shelf()
    for peer in [PeerID.worker, .otherWorker] { _ = shelf.serve(0, to: peer, at: Self.start) }
    shelf.publish(1)
    shelf.leave(.worker)
    #expect(shelf.release(at: Self.start) == [])
    shelf.leave(.otherWorker)
    #expect(shelf.release(at: Self.start) == [0])
  }

  @Test("are bounded: the oldest goes, in use or not, and the newest stays")
  func bound() {
    var shelf = shelf(bound: 3)
    for version in 0..<5 as Range<UInt64> {
      _ = shelf.serve(version, to: PeerID(name: "w\(version)", connection: ""), at: Self.start)
      shelf.publish(version + 1)
      _ = shelf.release(at: Self.start)
      #expect(shelf.versions.count <= 3 && shelf.versions.last == version + 1)
    }
    #expect(shelf.versions == [3, 4, 5])
  }

  @Test("go exactly when a search of all peers finds nobody who fetches them", arguments: 0..<4 as Range<UInt64>)
  func random(seed: UInt64) {
    var draws = Draws(seed: seed)
    var shelf = shelf()
    var (now, newest): (Instant, UInt64) = (Self.start, 0)
    var uses: [PeerID: [UInt64: Instant]] = [:]
    let peers = (0..<40).map { PeerID(name: "w\($0)", connection: "") }
    for _ in 0..<4000 {
      now = now + .milliseconds(draws.below(500))
      let peer = peers[draws.below(peers.count)]
      switch draws.below(20) {
      case 0:
        newest += 1
        shelf.publish(newest)
      case 1:
        shelf.offer(to: peer, at: now)
        uses[peer, default: [:]][newest] = now
      case 2..<4:
        shelf.leave(peer)
        uses[peer] = nil
      default:
        guard draws.chance(0.2) else { break }
        let version = newest - min(newest, UInt64(draws.below(5)))
        guard shelf.serve(version, to: peer, at: now) else { break }
        uses[peer, default: [:]][version] = now
        uses[peer] = uses[peer]?.filter { $0.key >= version }
      }
      let before = shelf.versions
      let fetched = before.filter { version in
        version == newest || uses.values.contains { $0[version].map { now - $0 <= .seconds(10) } ?? false }
      }
      let released = shelf.release(at: now)
      #expect(shelf.versions == Array(fetched.suffix(4)))
      #expect(released == before.filter { !shelf.versions.contains($0) })
    }
  }

  /// Chunks take so long that a version is published at every second one.
  @Test("let a slow worker load one version after another while new ones come faster than it can fetch them")
  func slowLink() {
    let size = 80
    func bytes(_ version: UInt64) -> [UInt8] { [UInt8](repeating: UInt8(version), count: size) }
    func manifest(_ version: UInt64) -> WeightManifest {
      WeightManifest(
        version: version,
        entries: [.init(name: "w", shape: [size], dtype: "U8", byteCount: size, digest: .init(of: bytes(version)))])
    }
    var versions = PolicyVersions(transfer: TransferSettings(chunk: 10, window: 1, patience: .seconds(60)))
    var shelf = shelf()
    var (now, newest, loaded): (Instant, UInt64, [UInt64]) = (Self.start, 0, [])
    versions.welcomed(manifest(0), isOther: true)
    for turn in 1...200 {
      now = now + .seconds(1)
      for fetch in versions.due(at: now) {
        guard case .weights(let version) = fetch.source, shelf.serve(version, to: .worker, at: now) else {
          // Another was published between the announcement and the first request.
          #expect(fetch.offset == 0)
          #expect(versions.missed(fetch.source) == false)
          continue
        }
        let part = bytes(version)[fetch.offset..<fetch.offset + fetch.count]
        versions.take(Chunk(source: fetch.source, offset: fetch.offset, payload: Payload(part)), at: now)
      }
      if let assembly = versions.assembly() {
        #expect(versions.assembled(assembly.manifest, assembly.checked(assembly.collected)) == nil)
      }
      if let (manifest, _) = versions.load() {
        loaded.append(manifest.version)
        versions.loaded(manifest.version)
      }
      if turn.isMultiple(of: 2) {
        newest += 1
        shelf.publish(newest)
        versions.announced(manifest(newest))
      }
      _ = shelf.release(at: now)
      #expect(shelf.versions.count <= 2)
    }
    // Eight chunks a version, and now and then a turn lost to one that is gone.
    #expect(loaded.count >= 20 && loaded == loaded.sorted())
    #expect((loaded.last ?? 0) + 10 > newest)
  }
}
