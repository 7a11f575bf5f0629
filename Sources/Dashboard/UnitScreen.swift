internal import Rollout

/// The story of one unit of work, as `ClusterView` shows it.
struct UnitScreen: Sendable {
  let unit: UnitID
  var story: UnitStory?
  /// Why there is no story, or no newer one.
  var trouble: String?
  /// The line of the story that is shown first.
  var scroll = 0

  init(unit: UnitID) {
    self.unit = unit
  }

  /// - Parameter rows: of the story that are shown, at most.
  func lines(columns: Int, rows: Int) -> [ScreenLine] {
    guard let story else { return header + (trouble == nil ? [ScreenLine("asking the learner ...", .faint)] : []) }
    guard !story.events.isEmpty else { return header + [ScreenLine("nothing has happened to it yet", .faint)] }
    return header + events(columns: columns).dropFirst(scroll).prefix(rows)
  }

  var header: [ScreenLine] {
    var title = ScreenLine("unit \(unit)", .strong)
    if let story {
      title.add("   ")
      title.add(story.state?.rawValue ?? "not issued yet", story.state == .deadLettered ? .bad : .good)
      if let first = story.events.first { title.add("   since \(Numbers.date(first.at))", .faint) }
      title.add("   for step \(story.step)", .faint)
    }
    return [title, ScreenLine(trouble ?? "", .bad), ScreenLine()]
  }

  /// The whole story; what is long goes on in the next line.
  func events(columns: Int) -> [ScreenLine] {
    guard let story, let first = story.events.first else { return [] }
    return story.events.flatMap { event -> [ScreenLine] in
      let date = Numbers.date(event.at)
      // How long things took is what one asks for.
      let after = "+" + Numbers.duration(max(0, event.at - first.at))
      var start = ScreenLine(String(date.dropFirst(Self.day).prefix(Self.time)), .faint)
      start.add(String(repeating: " ", count: max(1, 14 - after.count)) + after + "  ")
      return TerminalText.wrapped(event.what, to: columns - start.width).enumerated().map { index, text in
        var line = index == 0 ? start : ScreenLine().padded(to: start.width)
        line.add(text)
        return line
      }
    }
  }

  /// Signs of `2026-11-23 ` and of `14:05:09`.
  private static let (day, time) = (11, 8)
}
