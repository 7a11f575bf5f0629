package import Rollout
internal import Synchronization

/// What `sophia metrics` answers: pages made of the learner's last answer, and whether that is young enough to be believed.
///
/// Times are seconds on one monotonic clock.
package final class MetricsPages: Sendable {
  private struct State {
    var snapshot: ClusterSnapshot?
    /// When it came; the start before the first.
    var heard: Double
    var trouble: String?
  }

  private let state: Mutex<State>
  private let freshness: Double
  private let workerSeries: Int

  /// - Parameters:
  ///   - freshness: seconds for which an answer of the learner counts.
  ///   - workerSeries: workers that get series of their own, at most.
  package init(freshness: Double, workerSeries: Int, at now: Double) {
    self.freshness = freshness
    self.workerSeries = workerSeries
    state = Mutex(State(heard: now))
  }

  package static var contentType: String { PrometheusText.contentType }

  package func receive(_ snapshot: ClusterSnapshot, at now: Double) {
    state.withLock { $0 = State(snapshot: snapshot, heard: now) }
  }

  /// - Parameter trouble: why there is no answer.
  package func receive(trouble: String) {
    state.withLock { $0.trouble = trouble }
  }

  /// What the learner said is left out once it is too old: a graph with a gap says more than one that goes on as it was.
  package func metrics(at now: Double) -> String {
    let state = state.withLock { $0 }
    let fresh = fresh(state, at: now)
    var page = PrometheusText()
    page.add("sophia_up", .gauge, help: "Whether the learner answers, 0 or 1.", fresh == nil ? 0 : 1)
    page.add(
      "sophia_answer_age_seconds", .gauge, help: "Since the learner's last answer, or since the start of this process.",
      max(0, now - state.heard))
    if let fresh { ClusterMetrics(snapshot: fresh, workerSeries: workerSeries).write(to: &page) }
    return page.text
  }

  /// - Returns: one line for a probe.
  package func health(at now: Double) -> (isGood: Bool, line: String) {
    let state = state.withLock { $0 }
    let age = Numbers.duration(max(0, now - state.heard))
    if let snapshot = fresh(state, at: now) {
      return (true, "ok: step \(snapshot.step) of \(snapshot.totalSteps), as the learner said \(age) ago\n")
    }
    let since = state.snapshot == nil ? "the learner has not answered yet, for \(age)" : "the learner has not answered for \(age)"
    return (false, since + (state.trouble.map { ": \($0)" } ?? "") + "\n")
  }

  private func fresh(_ state: State, at now: Double) -> ClusterSnapshot? {
    now - state.heard < freshness ? state.snapshot : nil
  }
}
