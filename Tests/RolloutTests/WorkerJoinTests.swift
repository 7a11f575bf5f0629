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
    let wrong = Chunk(source: .artifact(artifact.digest), offset: 0, payload: [1, 2, 4])
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
    bench.receive(.prepared(resendAfter: .seconds(4)))
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
