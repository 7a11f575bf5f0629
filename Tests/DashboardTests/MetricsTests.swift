import Rollout
import Testing

@testable import Dashboard

@Suite("Metrics")
struct MetricsTests {
  private func page(_ snapshot: ClusterSnapshot, workerSeries: Int = 1000) -> [Substring] {
    let pages = MetricsPages(freshness: 10, workerSeries: workerSeries, at: 0)
    pages.receive(snapshot, at: 100)
    return pages.metrics(at: 101).split(separator: "\n", omittingEmptySubsequences: false)
  }

  @Test(
    "numbers and states are under the names that were promised",
    arguments: [
      "sophia_up 1", "sophia_learner_idle_share 0.25", "sophia_workers 2", "sophia_scorers 1", "sophia_step 12", "sophia_steps_total 48",
      "sophia_groups{state=\"queued\"} 1", "sophia_groups{state=\"leased\"} 2", "sophia_groups{state=\"generated\"} 3",
      "sophia_groups{state=\"scored\"} 4", "sophia_groups{state=\"admitted\"} 5", "sophia_groups{state=\"trained\"} 6",
      "sophia_groups{state=\"dead_lettered\"} 7", "sophia_refusals_total 8", "sophia_next_step_ready 15",
      "sophia_peers{role=\"worker\",state=\"doubted\"} 1",
      "sophia_worker_idle_share{name=\"worker-0\",host=\"node-1\",pid=\"100\"} 0.1",
      "sophia_worker_version_lag{name=\"worker-1\",host=\"node-1\",pid=\"100\"} 2",
      "sophia_worker_tokens_per_second{name=\"worker-0\",host=\"node-1\",pid=\"100\"} 400",
      "sophia_worker_last_heard_seconds{name=\"worker-0\",host=\"node-1\",pid=\"100\"} 0.5",
    ])
  func names(line: String) {
    let peers = [
      SyntheticCluster.scorer("scorer-0"), SyntheticCluster.worker("worker-0"),
      SyntheticCluster.worker("worker-1", state: .doubted, version: 10),
    ]
    #expect(page(SyntheticCluster.snapshot(peers: peers)).contains(Substring(line)))
  }

  /// The format's own grammar, read anew: https://prometheus.io/docs/instrumenting/exposition_formats/
  @Test("every page is one that Prometheus reads", arguments: [0, 1, 1000])
  func grammar(workers: Int) throws {
    var snapshot = SyntheticCluster.large(workers)
    snapshot.run = "a \"run\" \\ of\nmine"
    snapshot.idleShare = .nan
    snapshot.peers.append(SyntheticCluster.worker("x\"} 1\nsophia_step 99", tokens: .infinity))
    let lines = page(snapshot)
    #expect(lines.last == "")
    var kinds: [Substring: Substring] = [:]
    var seen = Set<Substring>()
    for line in lines.dropLast() {
      if line.hasPrefix("# HELP ") { continue }
      if line.hasPrefix("# TYPE ") {
        let words = line.split(separator: " ")
        #expect(words.count == 4 && kinds.updateValue(words[3], forKey: words[2]) == nil)
        continue
      }
      let match = try #require(
        try /([a-z_:][a-z0-9_:]*)(?:\{([a-z]+="(?:[^"\\]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\]|\\["\\n])*")*)\})? (\S+)/.wholeMatch(in: line),
        "\(line)")
      #expect(kinds[match.1] != nil, "\(match.1) has no type")
      #expect(["NaN", "+Inf", "-Inf"].contains(match.3) || Double(match.3) != nil)
      #expect(seen.insert(line.prefix(upTo: match.3.startIndex)).inserted, "\(line) is there twice")
    }
    #expect(lines.contains("sophia_run_info{run=\"a \\\"run\\\" \\\\ of\\nmine\",host=\"learner-0\",pid=\"77\"} 1"))
    #expect(lines.contains("sophia_learner_idle_share NaN"))
    #expect(lines.count { $0.hasPrefix("sophia_step ") } == 1)
  }

  @Test("of processes that claim to be the same one, one is shown")
  func twice() {
    let peers = [SyntheticCluster.worker("w", tokens: 1), SyntheticCluster.worker("w", tokens: 2)]
    #expect(page(SyntheticCluster.snapshot(peers: peers)).count { $0.hasPrefix("sophia_worker_tokens_per_second{") } == 1)
  }

  @Test("series of single workers have a bound, and what is left out is counted", arguments: [(0, 0, 300), (10, 10, 290), (1000, 300, 0)])
  func bound(series: Int, shown: Int, left: Int) {
    let lines = page(SyntheticCluster.large(300), workerSeries: series)
    #expect(lines.count { $0.hasPrefix("sophia_worker_idle_share{") } == shown)
    #expect(lines.contains("sophia_worker_series_left_out \(left)"))
    #expect(lines.contains("sophia_workers 300"))
  }

  @Test("an old answer is not served as a new one, and the probe says so")
  func freshness() {
    let pages = MetricsPages(freshness: 10, workerSeries: 10, at: 0)
    #expect(pages.health(at: 3) == (false, "the learner has not answered yet, for 3.0 s\n"))
    #expect(pages.metrics(at: 3).contains("\nsophia_up 0\n"))
    pages.receive(SyntheticCluster.large(3), at: 100)
    #expect(pages.health(at: 109) == (true, "ok: step 12 of 48, as the learner said 9.0 s ago\n"))
    pages.receive(trouble: "nobody listens; start it")
    #expect(pages.health(at: 109).isGood)
    #expect(pages.health(at: 112) == (false, "the learner has not answered for 12 s: nobody listens; start it\n"))
    #expect(pages.metrics(at: 112).contains("\nsophia_up 0\n"))
    #expect(pages.metrics(at: 112).contains("\nsophia_answer_age_seconds 12\n"))
    #expect(!pages.metrics(at: 112).contains("sophia_step"))
    pages.receive(SyntheticCluster.large(3), at: 120)
    #expect(pages.metrics(at: 121).contains("\nsophia_up 1\n"))
  }
}
