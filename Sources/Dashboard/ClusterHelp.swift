/// The keys of `sophia top`.
enum ClusterHelp {
  static let keys: [(key: String, what: String)] = [
    ("n s v", "sort by name, by state (trouble first), by staleness (oldest first)"),
    ("t i h", "sort by tokens a second, by idle share, by time since last heard"),
    ("r", "reverse the order"),
    ("w c a", "only workers, only scorers, all roles"),
    ("/", "rows with a text in name, host:pid, state; Enter keeps it, Esc drops"),
    ("↑ ↓ j k", "scroll by a row"),
    ("space b", "scroll by a page, as Page Down and Page Up"),
    ("g G", "to the start, to the end, as Home and End"),
    ("u", "what happened to one unit of work: EPOCH/PROMPT"),
    ("Esc", "back; in the table, drops the filters"),
    ("Ctrl-L", "draw everything again"),
    ("q", "quit, as Ctrl-C"),
  ]

  /// What the words of the table mean.
  static let words: [(word: String, what: String)] = [
    ("BEHIND", "steps behind the learner's policy; red: too old to train on"),
    ("LEASES", "units that it holds and has not generated / that it wants to hold"),
    ("WAITING", "groups of a worker that are not durable yet, of a scorer not graded"),
    ("IDLE", "share of the last half minute in which its engine had nothing to do"),
    ("HEARD", "time since its last word"),
    ("doubted", "a lease ran out in its hands, or its engine seems to hang"),
    ("full", "it wants no more work, or the learner does not keep up with it"),
  ]

  static var lines: [ScreenLine] {
    [ScreenLine("Keys", .strong)] + rows(keys.map { ($0.key, $0.what) }) + [ScreenLine(), ScreenLine("Words", .strong)]
      + rows(words.map { ($0.word, $0.what) })
  }

  private static func rows(_ rows: [(String, String)]) -> [ScreenLine] {
    rows.map { name, what in
      var line = ScreenLine("  " + name, .good).padded(to: 11)
      line.add(what)
      return line
    }
  }
}
