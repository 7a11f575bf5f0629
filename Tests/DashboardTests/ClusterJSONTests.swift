import Foundation
import Rollout
import Testing

@testable import Dashboard

@Suite("A cluster as JSON")
struct ClusterJSONTests {
  private func object(_ snapshot: ClusterSnapshot) throws -> [String: Any] {
    let text = try ClusterJSON(snapshot, at: 1000.5).text()
    #expect(!text.contains("\n"))
    return try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  @Test("the keys are those that were promised")
  func keys() throws {
    let object = try object(SyntheticCluster.snapshot(peers: [SyntheticCluster.worker("w\"\n", version: 10), SyntheticCluster.scorer("s")]))
    let keys = [
      "at", "duplicates", "format", "groups_per_s", "incarnation", "learner", "max_staleness", "next_step", "peers", "refusals", "run",
      "step", "tokens_per_s", "total_steps", "units",
    ]
    #expect(object.keys.sorted() == keys)
    #expect(object["format"] as? Int == 1)
    #expect(object["at"] as? Double == 1000.5)
    #expect(object["step"] as? Int == 12)
    #expect(object["next_step"] as? [String: Int] == ["wanted": 20, "ready": 15])
    #expect(
      object["units"] as? [String: Int] == [
        "queued": 1, "leased": 2, "generated": 3, "scored": 4, "admitted": 5, "trained": 6, "dead_lettered": 7,
      ])
    let learner = try #require(object["learner"] as? [String: Any])
    #expect(learner.keys.sorted() == ["activity", "host", "idle_share", "is_training", "pid", "uptime_s"])
    #expect(learner["is_training"] as? Bool == false)
    let peers = try #require(object["peers"] as? [[String: Any]])
    let peerKeys = [
      "behind", "credit", "groups", "host", "idle_share", "leases", "name", "pid", "role", "silence_s", "state", "tokens_per_s", "version",
      "waiting",
    ]
    for peer in peers { #expect(peer.keys.sorted() == peerKeys) }
    #expect(peers[0]["name"] as? String == "w\"\n")
    #expect(peers[0]["behind"] as? Int == 2)
    #expect(peers[1]["version"] is NSNull)
    #expect(peers[1]["behind"] is NSNull)
    for key in keys + peerKeys + learner.keys { #expect(ClusterJSON.keys.contains(key), "\(key) is not explained") }
  }

  @Test("a number that is none is null")
  func numbers() throws {
    var snapshot = SyntheticCluster.snapshot(peers: [SyntheticCluster.worker("w", idle: .nan, tokens: .infinity)])
    snapshot.idleShare = -.infinity
    let object = try object(snapshot)
    #expect((object["learner"] as? [String: Any])?["idle_share"] is NSNull)
    let peer = try #require((object["peers"] as? [[String: Any]])?.first)
    #expect(peer["idle_share"] is NSNull)
    #expect(peer["tokens_per_s"] is NSNull)
  }
}
