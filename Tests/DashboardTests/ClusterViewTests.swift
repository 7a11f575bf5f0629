import Rollout
import Testing

@testable import Dashboard

@Suite("The view of a cluster")
struct ClusterViewTests {
  private static let start = 1_795_000_000.0

  private func view(_ snapshot: ClusterSnapshot?, columns: Int = 140, rows: Int = 30) -> ClusterView {
    var view = ClusterView(learner: "tcp://l:1", at: Self.start)
    view.resize(columns: columns, rows: rows)
    if let snapshot { view.receive(snapshot, at: Self.start) }
    return view
  }

  private func text(_ view: ClusterView, after seconds: Double = 0) -> [String] {
    view.lines(at: Self.start + seconds).map(\.plain)
  }

  private func press(_ view: inout ClusterView, _ keys: String) {
    for key in keys { #expect(view.receive(key == "\r" ? .enter : .character(key)) == []) }
  }

  /// Names in the rows of the table.
  private func names(_ view: ClusterView) -> [String] {
    text(view).drop { !$0.hasPrefix("NAME") }.dropFirst().dropLast().filter { !$0.isEmpty }.map { String($0.prefix { $0 != " " }) }
  }

  @Test("the learner, its step, its queues, the roles in sum and one by one")
  func everything() {
    let peers = [
      SyntheticCluster.scorer("scorer-0"), SyntheticCluster.worker("worker-0"),
      SyntheticCluster.worker("worker-1", host: "node-2", state: .doubted, version: 10, idle: 0.3, tokens: 200, silence: 75),
    ]
    let lines = text(view(SyntheticCluster.snapshot(peers: peers), rows: 20))
    #expect(lines.count == 20)
    #expect(lines[0] == "sophia   run geometry   on learner-0:77   up 2 h 5 min   incarnation 2")
    #expect(lines[1].hasPrefix("step 12 of 48   ━━━━━━━━━━───"))
    #expect(lines[1].hasSuffix("───   25.0 %   waits for 5 groups of step 13"))
    #expect(lines[2] == "groups/s 12.5   tokens/s 12,800   learner idle 25.0 %   refused 8   came twice 9")
    #expect(lines[3].hasPrefix("next step 15 of 20 ready   ━━━"))
    #expect(lines[4] == "units   queued 1   leased 2   generated 3   scored 4   admitted 5   trained 6   dead-lettered 7")
    #expect(lines[5] == "workers 2   working 1   doubted 1   mean idle 20.0 %   tokens/s 600   too far behind 1   hosts 2")
    #expect(lines[6] == "scorers 1   working 1   mean idle 40.0 %")
    #expect(lines[7].split(separator: " ") == "NAME ROLE HOST:PID STATE VERSION BEHIND LEASES WAITING IDLE TOKENS/S GROUPS HEARD".split(separator: " "))
    #expect(lines[8].split(separator: " ") == "scorer-0 scorer node-0:9 working 4 40.0 % 0.2 s".split(separator: " "))
    #expect(lines[9].split(separator: " ") == "worker-0 worker node-1:100 working 12 0 6/8 1 10.0 % 400 1,234 0.5 s".split(separator: " "))
    #expect(lines[10].split(separator: " ") == "worker-1 worker node-2:100 doubted 10 −2 6/8 1 30.0 % 200 1,234 1 min 15 s".split(separator: " "))
    #expect(lines[19] == "? help  q quit   sorted by name   1–3 of 3")
  }

  @Test("no line is wider than the terminal, and there are as many as it has rows", arguments: [0, 3, 1000])
  func fits(workers: Int) {
    var snapshot = SyntheticCluster.large(workers)
    snapshot.peers.append(SyntheticCluster.worker("wörker 日本語\u{1B}[31m\n" + String(repeating: "x", count: 300), host: "日本\u{202E}", silence: 1e9))
    snapshot.activity = "waits for \u{7} a very long time " + String(repeating: "日", count: 500)
    let sizes = [(1, 1), (2, 2), (10, 3), (20, 5), (40, 10), (80, 24), (81, 25), (132, 43), (500, 200)]
    for (columns, rows) in workers > 100 ? [(80, 24), (81, 25)] : sizes {
      var view = view(snapshot, columns: columns, rows: rows)
      for keys in ["", "?", " ", "/x", "\r", "u9", "/x", "\r", "7/7\r", "0/1\r"] {
        press(&view, keys)
        for seconds in [0, 100.0] {
          let lines = view.lines(at: Self.start + seconds)
          #expect(lines.count == rows)
          #expect(lines.allSatisfy { $0.width <= columns && $0.width == TerminalText.width($0.plain) })
          #expect(lines.allSatisfy { $0.text(color: false, unicode: true).unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F } })
        }
      }
    }
  }

  @Test("a narrow terminal keeps name, state, idle share and last word")
  func narrow() {
    let lines = text(view(SyntheticCluster.large(3), columns: 42, rows: 20))
    #expect(lines.contains { $0.split(separator: " ") == ["NAME", "STATE", "IDLE", "HEARD"] })
    #expect(lines.contains { $0.split(separator: " ") == ["worker-0", "working", "10.0", "%", "0.5", "s"] })
  }

  @Test("of a long host, the end of its name goes and the process stays")
  func places() {
    var snapshot = SyntheticCluster.large(1)
    snapshot.peers = [SyntheticCluster.worker("worker-0", host: "node-7.rack-12.cluster.example.net", processID: 4242)]
    #expect(text(view(snapshot, columns: 80, rows: 20)).contains { $0.contains("…:4242") })
  }

  @Test("nobody is there: the table is empty and says so")
  func nobody() {
    let lines = text(view(SyntheticCluster.snapshot()))
    #expect(lines.contains("workers 0"))
    #expect(lines.last == "? help  q quit   sorted by name   no roles yet")
  }

  @Test("a thousand workers are scrolled through, and not beyond")
  func scrolls() {
    var view = view(SyntheticCluster.large(1000))
    let page = names(view).count
    #expect(page == 20)
    #expect(view.receive(.up) == [])
    #expect(names(view).first == "scorer-0")
    press(&view, "jj")
    #expect(names(view).first == "worker-0")
    #expect(view.receive(.pageDown) == [])
    #expect(names(view).first == "worker-\(page - 1)")
    #expect(view.receive(.end) == [])
    #expect(names(view).last == "worker-999")
    #expect(view.receive(.down) == [])
    #expect(names(view).last == "worker-999")
    #expect(names(view).count == page)
    press(&view, "k")
    #expect(names(view).last == "worker-998")
    view.receive(SyntheticCluster.large(5), at: Self.start)
    #expect(names(view).count == 7)
    #expect(view.receive(.home) == [])
    #expect(names(view).first == "scorer-0")
  }

  @Test("letters choose the order, and it starts at its top")
  func sorts() {
    var snapshot = SyntheticCluster.large(100)
    snapshot.peers[50] = SyntheticCluster.worker("slow", state: .doubted, version: 3, idle: 0.99, tokens: 1, silence: 50)
    var view = view(snapshot)
    for key in "svih" {
      #expect(view.receive(.end) == [])
      press(&view, String(key))
      #expect(names(view).first == "slow", "\(key)")
    }
    press(&view, "t")
    #expect(names(view).first == "worker-0")
    press(&view, "r")
    #expect(names(view).first == "scorer-0")
    #expect(text(view).last?.contains("sorted by tokens, reversed") == true)
    press(&view, "nr")
    #expect(names(view).prefix(3) == ["scorer-0", "scorer-1", "slow"])
  }

  @Test("w and c show one kind of role, and again all")
  func roles() {
    var view = view(SyntheticCluster.large(3))
    press(&view, "w")
    #expect(names(view) == ["worker-0", "worker-1", "worker-2"])
    press(&view, "c")
    #expect(names(view) == ["scorer-0", "scorer-1"])
    #expect(text(view).last == "? help  q quit   sorted by name   scorers only   1–2 of 2 (5 in all)")
    press(&view, "c")
    #expect(names(view).count == 5)
    press(&view, "wa")
    #expect(names(view).count == 5)
  }

  @Test("a filter works while it is typed; Enter keeps it, Escape drops it")
  func filters() {
    var view = view(SyntheticCluster.large(30))
    press(&view, "/node-1.q")
    #expect(names(view) == [])
    #expect(text(view).last == "filter: node-1.q_")
    #expect(view.receive(.backspace) == [])
    #expect(names(view).count == 8)
    press(&view, "\r")
    #expect(text(view).last == "? help  q quit   sorted by name   with “node-1.”   1–8 of 8 (32 in all)")
    #expect(view.receive(.escape) == [])
    #expect(names(view).first == "scorer-0")
    press(&view, "/17")
    #expect(names(view) == ["worker-17"])
    #expect(view.receive(.escape) == [])
    #expect(names(view).count > 8)
  }

  @Test("the story of a unit is asked for, shown, scrolled, and left")
  func stories() {
    var view = view(SyntheticCluster.large(3), columns: 100, rows: 12)
    press(&view, "u3-17\r")
    #expect(view.unit == nil)
    #expect(text(view).last?.contains("a unit is EPOCH/PROMPT") == true)
    for _ in 0..<3 { #expect(view.receive(.backspace) == []) }
    press(&view, "/17\r")
    let unit = UnitID(epoch: 3, prompt: 17)
    #expect(view.unit == unit)
    #expect(text(view).prefix(4) == ["unit 3/17", "", "", "asking the learner ..."])
    view.receive(UnitStory(unit: UnitID(epoch: 0, prompt: 0), state: .trained, step: 1, events: []))
    #expect(text(view)[3] == "asking the learner ...")
    let events = (0..<20).map { UnitStory.Event(at: Self.start + Double($0), what: "event \($0)\u{1B}[2J") }
    view.receive(UnitStory(unit: unit, state: .leased, step: 4, events: events))
    #expect(text(view)[0] == "unit 3/17   leased   since 2026-11-18 11:06:40 UTC   for step 4")
    #expect(text(view)[3] == "11:06:40        +0.0 s  event 0?[2J")
    #expect(view.receive(.end) == [])
    #expect(text(view).contains("11:06:59         +19 s  event 19?[2J"))
    view.receive(UnitStory(unit: unit, state: .leased, step: 4, events: [.init(at: Self.start, what: String(repeating: "word ", count: 40))]))
    #expect(text(view)[3...6].map { $0.split(separator: " ").count } == [3 + 15, 15, 10, 0])
    press(&view, "s")
    #expect(view.order.key == .name)
    view.receive(trouble: "no such epoch", with: unit)
    #expect(text(view)[1] == "no such epoch")
    #expect(view.receive(.escape) == [])
    #expect(view.unit == nil)
    #expect(names(view).first == "scorer-0")
  }

  @Test(
    "units are read as people write them",
    arguments: [
      ("3/17", 3, 17), (" 3 / 17 ", 3, 17), ("0/0", 0, 0), ("4294967295/4294967295", 4_294_967_295, 4_294_967_295), ("3", nil, nil),
      ("3/", nil, nil), ("/3", nil, nil), ("3/17/2", nil, nil), ("-1/2", nil, nil), ("4294967296/0", nil, nil), ("1 2/3", nil, nil),
      ("a/b", nil, nil),
    ] as [(String, UInt32?, UInt32?)])
  func units(text: String, epoch: UInt32?, prompt: UInt32?) {
    #expect(UnitID(typed: text)?.epoch == epoch)
    #expect(UnitID(typed: text)?.prompt == prompt)
  }

  @Test("a learner that is silent is said to be, since when; what it said stays, without colours; then all goes on")
  func silence() {
    var view = view(SyntheticCluster.large(3))
    #expect(!text(view, after: 2).contains { $0.contains("no answer") })
    #expect(text(view, after: 12)[1] == "no answer since 2026-11-18 11:06:40 UTC, 12 s ago; this is how it was then")
    view.receive(trouble: "connection refused; start it")
    let lines = view.lines(at: Self.start + 2)
    #expect(lines[1].plain == "no answer since 2026-11-18 11:06:40 UTC, 2.0 s ago; this is how it was then")
    #expect(lines.last?.plain == "? help  q quit   connection refused; start it")
    #expect(lines.enumerated().allSatisfy { $0 == 1 || $0 == lines.count - 1 || $1.pieces.allSatisfy { $0.ink == .faint } })
    #expect(names(view).count == 5)
    view.receive(SyntheticCluster.large(4), at: Self.start + 20)
    #expect(!text(view, after: 21).contains { $0.contains("no answer") || $0.contains("refused;") })
  }

  @Test("before the first answer it says whom it waits for")
  func waiting() {
    var view = view(nil)
    #expect(text(view)[1] == "waiting for the learner at tcp://l:1 ...")
    view.receive(trouble: "nobody listens")
    #expect(text(view, after: 8)[1] == "no answer for 8.0 s")
    press(&view, "jG k?/")
    #expect(text(view).count == 30)
  }

  @Test("q and Ctrl-C quit, but a q that is typed is a letter")
  func quits() {
    var view = view(SyntheticCluster.large(3))
    #expect(view.receive(.character("q")) == [.quit])
    #expect(view.receive(.interrupt) == [.quit])
    #expect(view.receive(.suspend) == [.suspend])
    #expect(view.receive(.redraw) == [.redraw])
    press(&view, "/q")
    #expect(view.receive(.interrupt) == [.quit])
    #expect(view.receive(.escape) == [])
    press(&view, "?")
    #expect(text(view).first == "Keys")
    press(&view, "q")
    #expect(text(view).first?.hasPrefix("sophia") == true)
  }

  @Test("the help fits a terminal of 80 columns and 24 rows")
  func help() {
    #expect(ClusterHelp.lines.count <= 23)
    #expect(ClusterHelp.lines.allSatisfy { $0.width <= 80 })
  }

  @Test("printed once, every row is there and nothing is cut")
  func once() {
    var snapshot = SyntheticCluster.large(1000)
    snapshot.peers.append(SyntheticCluster.worker(String(repeating: "long-", count: 50)))
    let lines = ClusterView.wholeText(of: snapshot, order: ClusterOrder(), columns: nil).map(\.plain)
    #expect(lines.count == 7 + 1 + 1 + 1003)
    #expect(!lines.contains { $0.contains("…") })
    #expect(lines.contains { $0.hasPrefix(String(repeating: "long-", count: 50)) })
    #expect(ClusterView.wholeText(of: snapshot, order: ClusterOrder(), columns: 80).allSatisfy { $0.width <= 80 })
  }
}
