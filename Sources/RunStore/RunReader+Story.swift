internal import GRDB
package import Rollout

extension RunReader {
  /// What happened to a unit, in order.
  package func story(of unit: UnitID) throws(RunStoreError) -> [UnitStory.Event] {
    var events: [UnitStory.Event] = []
    let keys: StatementArguments = [unit.epoch, unit.prompt]
    let mine = "WHERE position = (SELECT position FROM units WHERE epoch = ? AND prompt = ?)"
    let leases = try rows("SELECT * FROM leases \(mine) ORDER BY incarnation, number", keys) { row in
      let lease = LeaseID(incarnation: try row.value("incarnation"), number: try row.unsigned("number"))
      let (attempt, version): (Int, Int) = (try row.value("attempt"), try row.value("version"))
      var happened = [
        UnitStory.Event(
          at: try row.value("leased_at"),
          what: "leased to \(try row.value("worker") as String) as \(lease), attempt \(attempt), version \(version)")
      ]
      if let at: Double = try row.value("generated_at") { happened.append(.init(at: at, what: "generated under \(lease)")) }
      if let at: Double = try row.value("ended_at"), let ending: String = try row.value("ending"), ending != "admitted" {
        happened.append(.init(at: at, what: "\(lease) ended: \(ending)"))
      }
      return happened
    }
    events += leases.flatMap { $0 }
    events += try rows("SELECT * FROM groups \(mine)", keys) { row in
      let (worker, scorer): (String, String) = (try row.value("worker"), try row.value("scorer"))
      let (outcome, gamma): (Double, Double?) = (try row.value("outcome"), try row.value("gamma"))
      let weight = gamma.map { ", gamma \(rounded($0))" } ?? ""
      return UnitStory.Event(
        at: try row.value("admitted_at"),
        what: "admitted: by \(worker) through \(scorer), mean outcome \(rounded(outcome))\(weight), \(try row.value("tokens") as Int) tokens")
    }
    events += try rows(
      "SELECT step, trained_at FROM steps WHERE step = (SELECT trained_step FROM units WHERE epoch = ? AND prompt = ?)", keys
    ) { row in
      UnitStory.Event(at: try row.value("trained_at"), what: "trained in step \(try row.value("step") as Int)")
    }
    // The moment is not kept: it is that of the last attempt's end.
    let last = events.map(\.at).max() ?? 0
    events += try rows("SELECT reason FROM units WHERE epoch = ? AND prompt = ? AND reason IS NOT NULL", keys) { row in
      UnitStory.Event(at: last, what: "set aside: \(try row.value("reason") as String)")
    }
    return events.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
  }

  private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
