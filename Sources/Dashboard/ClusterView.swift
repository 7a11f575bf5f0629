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

  /// The story of one unit of work.
  struct UnitScreen: Sendable {
    var unit: UnitID
    var story: UnitStory?
    var trouble: String?
    var scroll = 0
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

  // MARK: What comes from the terminal

  package mutating func resize(columns: Int, rows: Int) {
    self.columns = max(1, columns)
    self.rows = max(1, rows)
    keepScrollInside()
  }

  package mutating func receive(_ key: TerminalKey) -> [Action] {
    switch key {
    case .interrupt: return [.quit]
    case .suspend: return [.suspend]
    case .redraw: return [.redraw]
    default: break
    }
    if entry != nil {
      type(key)
    } else if isHelping {
      // Whatever is pressed, the help has been read.
      isHelping = false
    } else if key == .character("q") {
      return [.quit]
    } else {
      press(key)
    }
    keepScrollInside()
    return []
  }

  private mutating func press(_ key: TerminalKey) {
    if let distance = distance(of: key) {
      move(by: distance)
      return
    }
    switch key {
    case .escape: back()
    case .character("?"): isHelping = true
    case .character("u"): entry = Entry(purpose: .unit)
    case .character(let letter) where unitScreen == nil: arrange(letter)
    default: break
    }
  }

  private mutating func arrange(_ letter: Character) {
    switch letter {
    case "n": order.key = .name
    case "s": order.key = .state
    case "v": order.key = .staleness
    case "t": order.key = .tokens
    case "i": order.key = .idle
    case "h": order.key = .heard
    case "r": order.isReversed.toggle()
    case "w": filter.role = filter.role == .worker ? nil : .worker
    case "c": filter.role = filter.role == .scorer ? nil : .scorer
    case "a": filter.role = nil
    case "/": entry = Entry(purpose: .filter, text: filter.text)
    default: break
    }
  }

  /// From what is shown to what it was reached from: a unit, then a filter.
  private mutating func back() {
    if unitScreen != nil {
      unitScreen = nil
    } else {
      filter = ClusterFilter()
    }
  }

  // MARK: Typing

  private static let longestEntry = 64

  private mutating func type(_ key: TerminalKey) {
    guard var typed = entry else { return }
    typed.trouble = nil
    switch key {
    case .character(let character) where typed.text.count < Self.longestEntry: typed.text.append(character)
    case .backspace:
      if typed.text.isEmpty {
        entry = nil
        return
      }
      typed.text.removeLast()
    case .eraseLine: typed.text = ""
    case .escape:
      if typed.purpose == .filter { filter.text = "" }
      entry = nil
      return
    case .enter:
      entry = finished(typed)
      return
    default: break
    }
    if typed.purpose == .filter { filter.text = typed.text }
    entry = typed
  }

  /// - Returns: nil if it could be used.
  private mutating func finished(_ typed: Entry) -> Entry? {
    guard typed.purpose == .unit else { return nil }
    guard !typed.text.allSatisfy({ $0 == " " }) else { return nil }
    guard let unit = UnitID(typed: typed.text) else {
      var typed = typed
      typed.trouble = "a unit is EPOCH/PROMPT, two whole numbers such as 0/17"
      return typed
    }
    unitScreen = UnitScreen(unit: unit)
    return nil
  }

  // MARK: Scrolling

  /// Rows that a key moves by; nil if it moves nothing.
  private func distance(of key: TerminalKey) -> Int? {
    let page = max(1, pageRows - 1)
    switch key {
    case .up, .character("k"): return -1
    case .down, .character("j"): return 1
    case .pageUp, .character("b"): return -page
    case .pageDown, .character(" "): return page
    case .home, .character("g"): return -scrolledRows
    case .end, .character("G"): return scrolledRows
    default: return nil
    }
  }

  private mutating func move(by distance: Int) {
    if unitScreen == nil { scroll += distance } else { unitScreen?.scroll += distance }
  }

  private mutating func keepScrollInside() {
    let last = max(0, scrolledRows - pageRows)
    if let shown = unitScreen?.scroll {
      unitScreen?.scroll = min(last, max(0, shown))
    } else {
      scroll = min(last, max(0, scroll))
    }
  }

  /// Rows there are to scroll through.
  private var scrolledRows: Int { unitScreen.map { $0.story?.events.count ?? 0 } ?? shownCount }

  private var shownCount: Int { snapshot.map { filter.shown(of: $0.peers).count } ?? 0 }
}

extension UnitID {
  /// `EPOCH/PROMPT`.
  init?(typed text: String) {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == "/" }.map { $0.trimmingPrefix { $0 == " " }.split(separator: " ") }
    guard parts.count == 2, parts.allSatisfy({ $0.count == 1 }), let epoch = UInt32(parts[0][0]), let prompt = UInt32(parts[1][0])
    else { return nil }
    self.init(epoch: epoch, prompt: prompt)
  }
}
