package import Rollout

/// What `sophia top` shows and how it answers keys: a value, without a terminal, a clock or a connection.
///
/// Times are seconds since 1970 on this machine's clock.
package struct ClusterView: Sendable {
  /// What whoever runs the view is to do.
  package enum Action: Sendable, Hashable {
    case quit
    /// Gives the terminal back until the shell lets this process go on.
    case suspend
    /// Draws everything again, as another program may have written on the screen.
    case redraw
  }

  /// A line that is being typed.
  struct Entry: Sendable {
    enum Purpose: Sendable { case filter, unit }
    var purpose: Purpose
    var text = ""
    /// Why what was typed cannot be used.
    var trouble: String?
  }

  /// Where the learner is, as it was given.
  let learner: String
  /// Who asks for another order wants to see what comes first in it.
  var order: ClusterOrder { didSet { if order != oldValue { scroll = 0 } } }
  var filter = ClusterFilter() { didSet { if filter != oldValue { scroll = 0 } } }
  var entry: Entry?
  var unitScreen: UnitScreen?
  var isHelping = false
  /// The row of the table that is shown first.
  var scroll = 0
  var columns = 80
  var rows = 24
  private(set) var snapshot: ClusterSnapshot?
  /// The learner's last answer; the start of the view before the first.
  private(set) var heard: Double
  /// What asking it ended with since then.
  private(set) var trouble: String?

  package init(learner: String, order: ClusterOrder = ClusterOrder(), at now: Double) {
    self.learner = learner
    self.order = order
    heard = now
  }

  /// The unit whose story is wanted.
  package var unit: UnitID? { unitScreen?.unit }

  // MARK: What comes from the learner

  package mutating func receive(_ snapshot: ClusterSnapshot, at now: Double) {
    self.snapshot = snapshot
    heard = now
    trouble = nil
    keepScrollInside()
  }

  /// - Parameter trouble: why there is no answer.
  package mutating func receive(trouble: String) {
    self.trouble = trouble
  }

  package mutating func receive(_ story: UnitStory) {
    guard unitScreen?.unit == story.unit else { return }
    unitScreen?.story = story
    unitScreen?.trouble = nil
    keepScrollInside()
  }

  /// - Parameter trouble: why there is no story.
  package mutating func receive(trouble: String, with unit: UnitID) {
    guard unitScreen?.unit == unit else { return }
    unitScreen?.trouble = trouble
  }

  // MARK: Its size, and what is seen of it

  package mutating func resize(columns: Int, rows: Int) {
    self.columns = max(1, columns)
    self.rows = max(1, rows)
    keepScrollInside()
  }

  mutating func keepScrollInside() {
    let last = max(0, scrolledRows - pageRows)
    if let shown = unitScreen?.scroll {
      unitScreen?.scroll = min(last, max(0, shown))
    } else {
      scroll = min(last, max(0, scroll))
    }
  }

  /// Rows there are to scroll through.
  var scrolledRows: Int { unitScreen?.events(columns: columns).count ?? shownCount }

  private var shownCount: Int { snapshot.map { filter.shown(of: $0.peers).count } ?? 0 }
}
