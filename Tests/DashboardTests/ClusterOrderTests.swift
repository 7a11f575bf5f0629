import Rollout
import Testing

@testable import Dashboard

@Suite("The order of roles")
struct ClusterOrderTests {
  private static let peers = [
    SyntheticCluster.worker("worker-10", state: .idle, version: 12, idle: 0.9, tokens: 100, silence: 3),
    SyntheticCluster.worker("worker-2", state: .doubted, version: 9, idle: .nan, tokens: 300, silence: 40),
    SyntheticCluster.worker("worker-1", state: .joining, version: nil, idle: 0.2, tokens: 200, silence: 1),
    SyntheticCluster.worker("worker-3", state: .working, version: 11, idle: 0.1, tokens: .infinity, silence: 2),
  ]

  @Test(
    "roles are sorted by what was chosen, those first that one looks for",
    arguments: [
      (ClusterOrder.Key.name, [1, 2, 3, 10]), (.state, [2, 1, 10, 3]), (.staleness, [2, 3, 10, 1]), (.tokens, [2, 1, 10, 3]),
      (.idle, [10, 1, 3, 2]), (.heard, [2, 10, 3, 1]),
    ])
  func orders(key: ClusterOrder.Key, expected: [Int]) {
    let names = expected.map { "worker-\($0)" }
    #expect(ClusterOrder(key).sorted(Self.peers, step: 12).map(\.name) == names)
    #expect(ClusterOrder(key, isReversed: true).sorted(Self.peers, step: 12).map(\.name) == names.reversed())
  }

  @Test("of roles that are alike, the order is that of their names, and it does not depend on how they come")
  func ties() {
    let peers = (0..<50).map { SyntheticCluster.worker("w", host: "node-\($0 % 5)", processID: Int32($0)) }
    let sorted = ClusterOrder(.tokens).sorted(peers, step: 12)
    #expect(ClusterOrder(.tokens).sorted(peers.reversed(), step: 12) == sorted)
    #expect(ClusterOrder(.tokens).sorted(peers.shuffled(), step: 12) == sorted)
  }

  @Test("numbers in names count as numbers")
  func numbers() {
    let names = ["a-007", "a-7", "a-8", "a-10", "a-10-b", "a-11", "a-99999999999999999999999", "b", "b1", "b1x", "ä"]
    let peers = names.map { SyntheticCluster.worker($0) }
    for _ in 0..<20 { #expect(ClusterOrder().sorted(peers.shuffled(), step: 12).map(\.name) == names) }
  }

  @Test(
    "a filter looks at names, places and states, whatever the case",
    arguments: [("WORKER-1", 2), ("node-1:100", 4), ("doubt", 1), ("", 4), ("nobody", 0)])
  func filters(text: String, count: Int) {
    #expect(ClusterFilter(text: text).shown(of: Self.peers).count == count)
  }

  @Test("a filter of roles leaves the others out")
  func roles() {
    let peers = Self.peers + [SyntheticCluster.scorer("scorer-0")]
    #expect(ClusterFilter(role: .scorer).shown(of: peers).map(\.name) == ["scorer-0"])
    #expect(ClusterFilter(role: .worker, text: "scorer").shown(of: peers).isEmpty)
  }
}
