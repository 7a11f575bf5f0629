import DurableFiles
import Testing

@testable import Rollout

@Suite("A model that the worker's machine has")
struct LocalWeightsTests {
  private static let names = ["a", "b", "c", "d"]
  private static let count = 25

  /// Four tensors of 25 bytes; `changed` are other than those of the base.
  private static func bytes(changed: Set<String> = []) -> [UInt8] {
    names.flatMap { name in (0..<count).map { UInt8($0) &+ (changed.contains(name) ? 100 : 0) &+ (name.utf8.first ?? 0) } }
  }

  private static func manifest(_ version: UInt64, _ bytes: [UInt8], shape: [Int] = [count]) -> WeightManifest {
    WeightManifest(
      version: version,
      entries: names.enumerated().map { index, name in
        let part = Array(bytes[index * count..<(index + 1) * count])
        return .init(name: name, shape: shape, dtype: "U8", byteCount: count, digest: SHA256Digest(of: part))
      })
  }

  private func versions(local: LocalWeights?) -> PolicyVersions {
    var versions = PolicyVersions(transfer: TransferSettings(chunk: 10, window: 16, patience: .seconds(60)), awaitsLocal: true)
    versions.foundLocal(local)
    return versions
  }

  /// Lets everything that is asked for come, and says what was.
  private func fetch(_ bytes: [UInt8], by versions: inout PolicyVersions) -> [Int] {
    var asked: [Int] = []
    var now = Instant(nanoseconds: 0)
    while true {
      let due = versions.due(at: now)
      guard !due.isEmpty else { return asked }
      now = now + .milliseconds(1)
      for fetch in due {
        asked.append(fetch.offset)
        versions.take(
          Chunk(source: fetch.source, offset: fetch.offset, payload: Payload(Array(bytes[fetch.offset..<fetch.offset + fetch.count]))),
          at: now)
      }
    }
  }

  @Test(
    "only what differs is fetched, and the whole is the version's",
    arguments: [
      // Chunks of ten bytes that hold a byte of a tensor that differs.
      (Set<String>(), []), (["a"], [0, 10, 20]), (["b"], [20, 30, 40]), (["b", "c"], [20, 30, 40, 50, 60, 70]),
      (["d"], [70, 80, 90]), (["a", "b", "c", "d"], Array(stride(from: 0, to: 100, by: 10))),
    ] as [(Set<String>, [Int])])
  func fetched(changed: Set<String>, offsets: [Int]) throws {
    let (base, wanted) = (Self.bytes(), Self.bytes(changed: changed))
    var versions = versions(local: LocalWeights(manifest: Self.manifest(0, base), bytes: base))
    versions.announced(Self.manifest(7, wanted))
    #expect(fetch(wanted, by: &versions) == offsets)
    #expect(versions.localBytes == Self.count * (4 - changed.count))
    let assembly = try #require(versions.assembly())
    guard case .whole(let bytes) = assembly.checked(assembly.collected) else { return #expect(Bool(false), "damaged") }
    #expect(bytes == wanted)
  }

  @Test("nothing is taken from a model of another form, and nothing is asked for before it is known what there is")
  func otherForm() {
    let base = Self.bytes()
    var versions = PolicyVersions(transfer: TransferSettings(chunk: 10, window: 16, patience: .seconds(60)), awaitsLocal: true)
    versions.announced(Self.manifest(7, base))
    #expect(versions.due(at: Instant(nanoseconds: 0)).isEmpty)
    versions.foundLocal(LocalWeights(manifest: Self.manifest(0, base, shape: [5, 5]), bytes: base))
    #expect(fetch(base, by: &versions).count == 10 && versions.localBytes == 0)
  }

  @Test("a worker asks for its machine's weights once its engine is prepared, and not where there are none")
  func asked() {
    for hasLocalModel in [true, false] {
      var settings = WorkerBench.settings
      settings.hasLocalModel = hasLocalModel
      var role = WorkerRole(hello: .sample(.worker), settings: settings, seed: 1, now: Instant(nanoseconds: 0))
      let actions = role.receive(.prepared(resendAfter: .seconds(1)), at: Instant(nanoseconds: 0))
      #expect(actions.contains { if case .findWeights = $0 { true } else { false } } == hasLocalModel)
    }
  }
}
