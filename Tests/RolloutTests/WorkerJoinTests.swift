import DurableFiles
import Testing

@testable import Rollout

@Suite("A worker joins")
struct WorkerJoinTests {
  private static func artifact(_ path: String, _ bytes: [UInt8]) -> Artifact {
    Artifact(path: path, byteCount: bytes.count, digest: SHA256Digest(of: bytes))
  }

  @Test("says hello again and again, less and less often, until it is welcomed")
  func hello() {
    var bench = WorkerBench()
    var times: [Double] = []
    let start = bench.now
    for _ in 0..<400 where !bench.wait(.milliseconds(100)).sent.isEmpty { times.append((bench.now - start).inSeconds) }
    let gaps = zip(times.dropFirst(), times).map { $0 - $1 }
    #expect(bench.actions.hellos == times.count && times.count > 8)
    #expect(gaps.allSatisfy { $0 <= 5.11 } && (gaps.last ?? 0) >= 2.5)
    bench.hear(.welcome(.sample()))
    #expect(bench.wait(.seconds(1)).beats.count == 1 && bench.wait(.seconds(1)).hellos == 0)
  }

  @Test("fetches the files it lacks, keeps them once their hash agrees, and prepares once")
  func artifacts() {
    var bench = WorkerBench()
    let (config, here): ([UInt8], [UInt8]) = ([1, 2, 3], [9])
    let wanted = [
      Self.artifact("policy/config.json", config), Self.artifact("policy/here.json", here),
      Self.artifact("policy/empty", []), Self.artifact("policy/copy.json", config),
    ]
    bench.hear(.welcome(.sample(artifacts: wanted)))
    let asked = bench.receive(.found([SHA256Digest(of: here)]))
    #expect(asked.fetches.map(\.source) == [.artifact(SHA256Digest(of: config))])
    let done = bench.hear(.chunk(.artifact(config)))
    #expect(done.kept == ["policy/config.json", "policy/copy.json", "policy/empty"] && done.prepares)
    #expect(!bench.hear(.welcome(.sample(artifacts: wanted))).prepares)
  }

  @Test("a file that arrives with other bytes is fetched again, and given up by name after three times")
  func damagedArtifact() {
    var bench = WorkerBench()
    let artifact = Self.artifact("policy/config.json", [1, 2, 3])
    bench.hear(.welcome(.sample(artifacts: [artifact])))
    bench.receive(.found([]))
    let wrong = Chunk(source: .artifact(artifact.digest), offset: 0, bytes: [1, 2, 4])
    #expect(bench.hear(.chunk(wrong)).fetches.count == 1)
    #expect(bench.hear(.chunk(wrong)).fetches.count == 1)
    let end = bench.hear(.chunk(wrong)).finish
    #expect(
      end == .failed(
        reason: "policy/config.json arrived 3 times with other bytes than its hash says: it changed on the learner"))
  }

  @Test("a file that the learner no longer has ends the worker by name")
  func goneArtifact() {
    var bench = WorkerBench()
    let artifact = Self.artifact("policy/config.json", [1])
    bench.hear(.welcome(.sample(artifacts: [artifact])))
    bench.receive(.found([]))
    guard case .failed(let reason)? = bench.hear(.gone(.artifact(artifact.digest))).finish else {
      Issue.record("went on")
      return
    }
    #expect(reason.contains("no longer has policy/config.json"))
  }

  @Test("asks for nothing but leases it can serve: no credit before the first weights are loaded")
  func credit() {
    var bench = WorkerBench()
    bench.hear(.welcome(.sample()))
    #expect(bench.actions.beats.last?.credit == 0)
    bench.receive(.found([]))
    bench.receive(.prepared)
    let actions = bench.serve(0)
    #expect(actions.beats.last?.credit == 2 && actions.beats.last?.version == 0)
  }

  @Test("refused: ends with the learner's reason")
  func refused() {
    var bench = WorkerBench()
    let end = bench.hear(.refused(reason: "wrong key")).finish
    #expect(end == .failed(reason: "the learner refused this worker: wrong key"))
    #expect(bench.receive(.tick).isEmpty)
  }

  @Test("without a word from the learner it greets again, then gives up and says for whom it waited")
  func silence() {
    var bench = WorkerBench.ready()
    #expect(bench.wait(.seconds(4)).hellos == 0)
    #expect(bench.wait(.seconds(2)).hellos == 1)
    #expect(bench.wait(.seconds(30)).finish == nil)
    let end = bench.wait(.seconds(30)).finish
    #expect(end == .failed(reason: "waited 66 s for the learner without a word from it"))
  }
}

@Suite("A worker's weights")
struct WorkerWeightTests {
  @Test("a new version comes by broadcast: announced, then its bytes")
  func broadcast() {
    var bench = WorkerBench.ready()
    #expect(bench.receive(.published(.announced(.sample(1)))).fetches.isEmpty)
    #expect(bench.receive(.published(.chunk(.weights(1, 0..<1)))).loads.isEmpty)
    #expect(bench.receive(.published(.chunk(.weights(1, 1..<2)))).loads == [1])
    bench.receive(.loaded(version: 1))
    #expect(bench.role.version == 1)
  }

  @Test("a chunk that was lost is asked for as soon as the next one shows it")
  func gap() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    let actions = bench.receive(.published(.chunk(.weights(1, 1..<2))))
    #expect(actions.fetches == [Fetch(source: .weights(version: 1), offset: 0, count: 2)])
    #expect(bench.hear(.chunk(.weights(1))).loads == [1])
  }

  @Test("bytes that stop coming are asked for from where they end")
  func stuck() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    bench.receive(.published(.chunk(.weights(1, 0..<1))))
    #expect(bench.pass(seconds: 2).fetches.isEmpty)
    #expect(bench.pass(seconds: 1).fetches == [Fetch(source: .weights(version: 1), offset: 1, count: 1)])
  }

  @Test("bytes that do not have the manifest's hash are refused and fetched again")
  func damaged() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    let actions = bench.receive(.published(.chunk(Chunk(source: .weights(version: 1), offset: 0, bytes: [7, 7]))))
    #expect(actions.loads.isEmpty && actions.logged("version 1: the bytes of w do not have the manifest's hash"))
    #expect(actions.fetches == [Fetch(source: .weights(version: 1), offset: 0, count: 2)])
    #expect(bench.serve(1).loads == [1])
  }

  @Test("a version is switched only between groups")
  func betweenGroups() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.receive(.published(.chunk(.weights(1)))).loads.isEmpty)
    bench.hear(.lease(.sample(2, version: 0)))
    let actions = bench.generate()
    #expect(actions.loads == [1] && actions.generating.isEmpty)
    #expect(bench.receive(.loaded(version: 1)).generating.map(\.version) == [1])
  }

  @Test("a version that is complete when a generation fails is loaded then")
  func afterFailure() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.receive(.published(.announced(.sample(1))))
    bench.receive(.published(.chunk(.weights(1))))
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
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.receive(.published(.chunk(.weights(1)))).loads.isEmpty)
    bench.receive(.published(.announced(.sample(3))))
    bench.receive(.published(.announced(.sample(2))))
    #expect(bench.receive(.published(.chunk(.weights(3)))).loads == [3])
  }

  @Test("a version that is gone is made up for by the next welcome")
  func gone() {
    var bench = WorkerBench.ready()
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.hear(.gone(.weights(version: 1))).hellos == 1)
    #expect(bench.hear(.welcome(.sample(version: 2))).fetches.map(\.source) == [.weights(version: 2)])
  }
}
