internal import Rollout

/// A snapshot of a cluster as metrics.
struct ClusterMetrics {
  let snapshot: ClusterSnapshot
  /// Workers that get series of their own, at most. Each makes a handful, and a worker that starts anew makes new ones.
  let workerSeries: Int

  func write(to page: inout PrometheusText) {
    writeLearner(to: &page)
    writeUnits(to: &page)
    writeRoles(to: &page)
    writeWorkers(to: &page)
  }

  private func writeLearner(to page: inout PrometheusText) {
    let labels = [("run", snapshot.run), ("host", snapshot.host), ("pid", "\(snapshot.processID)")].map { (name: $0.0, value: $0.1) }
    page.add("sophia_run_info", .gauge, help: "The run and its learner's process; always 1.", [(labels: labels, value: 1)])
    page.add(
      "sophia_learner_idle_share", .gauge,
      help: "Share of the last half minute or so in which the learner had nothing to train on, 0 to 1.", snapshot.idleShare)
    page.add("sophia_learner_training", .gauge, help: "Whether a step is being trained, 0 or 1.", snapshot.isTraining ? 1 : 0)
    page.add("sophia_learner_uptime_seconds", .gauge, help: "Since this incarnation of the learner began.", snapshot.uptime)
    page.add("sophia_learner_incarnation", .gauge, help: "Starts of the learner in this run.", Double(snapshot.incarnation))
    page.add("sophia_step", .gauge, help: "Steps trained: the version of the policy.", Double(snapshot.step))
    page.add("sophia_steps_total", .gauge, help: "Steps of the run.", Double(snapshot.totalSteps))
    page.add("sophia_next_step_units", .gauge, help: "Units of the step that is trained next.", Double(snapshot.promptsPerStep))
    page.add(
      "sophia_next_step_ready", .gauge, help: "Those of them that need not be waited for any more.", Double(snapshot.ready))
    page.add("sophia_groups_per_second", .gauge, help: "Groups made durable.", snapshot.groupsPerSecond)
    page.add("sophia_tokens_per_second", .gauge, help: "Tokens of responses made durable.", snapshot.tokensPerSecond)
    page.add("sophia_max_staleness", .gauge, help: "Steps that a sample's policy may be behind.", Double(snapshot.staleness))
  }

  private func writeUnits(to page: inout PrometheusText) {
    page.add(
      "sophia_groups", .gauge, help: "Units of work, one group of responses each, by state.",
      UnitState.allCases.map { ([(name: "state", value: $0.identifier)], Double(snapshot.count($0))) })
    page.add(
      "sophia_refusals_total", .counter, help: "Groups refused since this incarnation of the learner began.",
      Double(snapshot.refusals))
    page.add(
      "sophia_duplicates_total", .counter, help: "Groups that came twice since this incarnation of the learner began.",
      Double(snapshot.duplicates))
  }

  private func writeRoles(to page: inout PrometheusText) {
    page.add("sophia_workers", .gauge, help: "Workers that the learner knows.", Double(peers(.worker).count))
    page.add("sophia_scorers", .gauge, help: "Scorers that the learner knows.", Double(peers(.scorer).count))
    page.add(
      "sophia_peers", .gauge, help: "Workers and scorers by state.",
      [Role.worker, .scorer].flatMap { role in
        ObservedPeer.State.allCases.map { state in
          ([(name: "role", value: role.rawValue), (name: "state", value: state.rawValue)],
            Double(peers(role).count { $0.state == state }))
        }
      })
    for role in [Role.worker, .scorer] {
      let shares = peers(role).map(\.idleShare).filter(\.isFinite)
      guard !shares.isEmpty else { continue }
      page.add(
        "sophia_\(role.rawValue)s_idle_share", .gauge, help: "Mean of the \(role.rawValue)s' idle shares, 0 to 1.",
        shares.reduce(0, +) / Double(shares.count))
    }
  }

  private func writeWorkers(to page: inout PrometheusText) {
    let workers = peers(.worker)
    let shown = workers.prefix(workerSeries)
    page.add(
      "sophia_worker_series_left_out", .gauge, help: "Workers that have no series of their own on this page.",
      Double(workers.count - shown.count))
    func add(_ name: String, help: String, _ value: (ObservedPeer) -> Double?) {
      page.add(
        name, .gauge, help: help,
        shown.compactMap { peer in
          value(peer).map { number in
            ([(name: "name", value: peer.name), (name: "host", value: peer.host), (name: "pid", value: "\(peer.processID)")], number)
          }
        })
    }
    add("sophia_worker_idle_share", help: "Share of time in which a worker's engine had nothing to do, 0 to 1.") { $0.idleShare }
    add("sophia_worker_tokens_per_second", help: "Tokens of a worker's groups that were admitted.") { $0.tokensPerSecond }
    add("sophia_worker_version_lag", help: "Steps that a worker's policy is behind the learner's.") {
      $0.behind(step: snapshot.step).map { Double($0) }
    }
    add("sophia_worker_last_heard_seconds", help: "Time since a worker's last word.") { $0.silence }
  }

  private func peers(_ role: Role) -> [ObservedPeer] { snapshot.peers.filter { $0.role == role } }
}
