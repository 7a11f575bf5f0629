import DurableFiles
import Testing
import WeightDeltas

@testable import Rollout

@Suite("A worker's weights")
struct WorkerWeightTests {
  private static func fetch(_ source: Fetch.Source, count: Int = 2) -> Fetch {
    Fetch(source: source, offset: 0, count: count)
  }

  @Test("a new version is announced to all, and each worker fetches it")
  func announced() {
    var bench = WorkerBench.ready()
    #expect(bench.receive(.published(.announced(.sample(1)))).fetches == [Self.fetch(.weights(version: 1))])
    #expect(bench.hear(.chunk(.weights(1))).loads == [1])
    bench.receive(.loaded(version: 1))
    #expect(bench.role.version == 1)
  }

  @Test("what does not come is asked for again")
  func stuck() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.pass(seconds: 2).fetches.isEmpty)
    #expect(bench.pass(seconds: 1).fetches == [Self.fetch(.weights(version: 1))])
  }

  @Test("bytes that do not have the manifest's hash are refused and fetched again")
  func damaged() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    let actions = bench.hear(.chunk(Chunk(source: .weights(version: 1), offset: 0, payload: [7, 7])))
    #expect(actions.loads.isEmpty && actions.logged("version 1: the bytes of w do not have the manifest's hash"))
    #expect(actions.fetches == [Self.fetch(.weights(version: 1))])
    #expect(bench.serve(1).loads == [1])
  }

  @Test("a version is switched only between groups")
  func betweenGroups() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.hear(.chunk(.weights(1))).loads.isEmpty)
    bench.hear(.lease(.sample(2, version: 0)))
    let actions = bench.generate()
    #expect(actions.loads == [1] && actions.generating.isEmpty)
    #expect(bench.receive(.loaded(version: 1)).generating.map(\.version) == [1])
  }

  @Test("versions that come during a group are collected one after the other, and the newest of them is loaded")
  func whileGenerating() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    for version in 1...3 as ClosedRange<UInt64> {
      #expect(bench.receive(.published(.announced(.sample(version)))).fetches == [Self.fetch(.weights(version: version))])
      #expect(bench.hear(.chunk(.weights(version))).loads.isEmpty)
    }
    #expect(bench.generate().loads == [3])
  }

  @Test("a version that is complete when a generation fails is loaded then")
  func afterFailure() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.receive(.published(.announced(.sample(1))))
    bench.hear(.chunk(.weights(1)))
    let actions = bench.receive(.generationFailed(LeaseID(incarnation: 1, number: 1), reason: "no image"))
    #expect(actions.loads == [1])
    #expect(actions.sent.first == .declined(LeaseID(incarnation: 1, number: 1), reason: "no image"))
  }

  @Test("a lease waits for its version, and a version whose announcement was lost is asked for")
  func missedAnnouncement() {
    var bench = WorkerBench.ready()
    #expect(bench.hear(.lease(.sample(1, version: 1))).generating.isEmpty)
    #expect(bench.pass(seconds: 2).hellos == 1)
    let actions = bench.hear(.welcome(.sample(version: 1)))
    #expect(actions.fetches.map(\.source) == [.weights(version: 1)])
    #expect(bench.serve(1).generating.map(\.version) == [1])
  }

  @Test("an announcement that comes late does not take it back")
  func late() {
    var bench = WorkerBench.ready(version: 2)
    #expect(bench.receive(.published(.announced(.sample(1)))).fetches.isEmpty)
    bench.receive(.published(.announced(.sample(3))))
    #expect(bench.receive(.published(.announced(.sample(2)))).fetches.isEmpty)
    #expect(bench.hear(.chunk(.weights(3))).loads == [3])
  }

  @Test("a version that is being collected is finished before the newest is turned to, those between passed over")
  func finishesFirst() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    for version in 2...4 as ClosedRange<UInt64> {
      #expect(bench.receive(.published(.announced(.sample(version)))).fetches.isEmpty)
    }
    let actions = bench.hear(.chunk(.weights(1)))
    #expect(actions.loads == [1] && actions.fetches == [Self.fetch(.weights(version: 4))])
  }

  @Test("a version that is gone is made up for by the newer one that was announced, or by the next welcome")
  func gone() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    bench.receive(.published(.announced(.sample(2))))
    #expect(bench.hear(.gone(.weights(version: 1))).fetches == [Self.fetch(.weights(version: 2))])
    #expect(bench.hear(.gone(.weights(version: 2))).hellos == 1)
    #expect(bench.hear(.welcome(.sample(version: 3))).fetches.map(\.source) == [.weights(version: 3)])
  }

  // MARK: Deltas

  /// Versions of one large tensor in which little changes.
  private struct Versions {
    static let byteCount = 4096

    static func bytes(_ version: UInt64) -> [UInt8] {
      var bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      bytes[100] = UInt8(version)
      return bytes
    }

    static func manifest(_ version: UInt64) -> WeightManifest {
      let digest = SHA256Digest(of: bytes(version))
      return WeightManifest(
        version: version,
        entries: [.init(name: "w", shape: [byteCount / 2], dtype: "BF16", byteCount: byteCount, digest: digest)])
    }

    static func delta(_ version: UInt64) -> [UInt8] {
      WeightDelta.make(from: bytes(version - 1), to: bytes(version), manifest(version)) ?? []
    }

    static func offered(_ version: UInt64) -> WeightManifest {
      manifest(version).offering(delta(version), from: manifest(version - 1))
    }

    static func chunk(_ version: UInt64) -> Chunk {
      Chunk(source: .weights(version: version), offset: 0, payload: Payload(bytes(version)))
    }

    /// A worker that samples from `version`.
    static func ready(_ version: UInt64) -> WorkerBench {
      var bench = WorkerBench.ready()
      bench.receive(.published(.announced(manifest(version))))
      bench.hear(.chunk(chunk(version)))
      bench.receive(.loaded(version: version))
      return bench
    }
  }

  @Test("a worker that holds the base fetches the delta, and loads what it leads to")
  func delta() {
    var bench = Versions.ready(4)
    let delta = Versions.delta(5)
    let asked = bench.receive(.published(.announced(Versions.offered(5)))).fetches
    #expect(asked == [Self.fetch(.delta(version: 5), count: delta.count)] && delta.count < 100)
    let actions = bench.hear(.chunk(Chunk(source: .delta(version: 5), offset: 0, payload: Payload(delta))))
    let loaded = actions.compactMap { if case .load(_, let bytes) = $0 { bytes } else { nil } }
    #expect(loaded == [Versions.bytes(5)])
  }

  @Test("a worker without the base fetches the weights: one that joins, one that missed a version, one with another base")
  func otherBase() {
    var late = WorkerBench()
    late.hear(.welcome(.sample(version: nil)))
    for var bench in [late, WorkerBench.ready(version: 4), Versions.ready(3)] {
      #expect(bench.receive(.published(.announced(Versions.offered(5)))).fetches.map(\.source) == [.weights(version: 5)])
    }
  }

  @Test("deltas are taken one after the other, even while the first is not loaded yet")
  func chain() {
    var bench = Versions.ready(4)
    bench.hear(.lease(.sample(1, version: 4)))
    for version in 5...6 as ClosedRange<UInt64> {
      let fetches = bench.receive(.published(.announced(Versions.offered(version)))).fetches
      #expect(fetches.map(\.source) == [.delta(version: version)])
      bench.hear(.chunk(Chunk(source: .delta(version: version), offset: 0, payload: Payload(Versions.delta(version)))))
    }
    #expect(bench.generate().loads == [6])
  }

  @Test("a damaged delta is named, and the weights are fetched instead")
  func damagedDelta() {
    var bench = Versions.ready(4)
    bench.receive(.published(.announced(Versions.offered(5))))
    let nonsense = [UInt8](repeating: 9, count: Versions.delta(5).count)
    let actions = bench.hear(.chunk(Chunk(source: .delta(version: 5), offset: 0, payload: Payload(nonsense))))
    #expect(actions.logged("version 5: a block of the delta"))
    #expect(actions.fetches.map(\.source) == [.weights(version: 5)])
    #expect(bench.hear(.chunk(Versions.chunk(5))).loads == [5])
  }

  @Test("a delta that is gone is made up for by the weights")
  func goneDelta() {
    var bench = Versions.ready(4)
    bench.receive(.published(.announced(Versions.offered(5))))
    #expect(bench.hear(.gone(.delta(version: 5))).fetches.map(\.source) == [.weights(version: 5)])
  }

  @Test("a learner that started again at the version that is here offers the next one as a delta to it")
  func deltaAfterRestart() {
    var bench = Versions.ready(4)
    var welcome = Welcome.sample(incarnation: 2)
    welcome.manifest = Versions.manifest(4)
    #expect(bench.hear(.welcome(welcome)).fetches.isEmpty && bench.role.version == 4)
    #expect(bench.receive(.published(.announced(Versions.offered(5)))).fetches.map(\.source) == [.delta(version: 5)])
  }
}
