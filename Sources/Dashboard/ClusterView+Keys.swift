internal import Rollout

extension ClusterView {
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
