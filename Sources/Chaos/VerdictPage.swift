internal import Dashboard

/// `chaos.html`: the verdict on one page that needs nothing else, neither network nor server.
struct VerdictPage {
  private let verdict: Verdict

  init(_ verdict: Verdict) {
    self.verdict = verdict
  }

  var html: String {
    let page = HTML.page(title: title, css: Timeline.css, """
      \(header)
      \(headline)
      <section>
      <h2>What happened when</h2>
      \(Timeline(verdict).html)
      </section>
      <section>
      <h2>What must hold</h2>
      \(checks)
      </section>
      <section>
      <h2>Faults</h2>
      \(faults)
      </section>
      <section>
      <h2>Processes</h2>
      \(processes)
      </section>
      <section>
      <h2>Again</h2>
      \(again)
      </section>
      """)
    return page.source
  }

  private var title: String {
    switch verdict.outcome {
    case .passed: "Nothing lost, nothing twice, the same bits"
    case .failed: "Something is wrong"
    case .notProven: "Nothing is wrong, but not every fault was seen to act"
    }
  }

  private var header: HTML {
    let facts = ["plan \(verdict.plan)", "seed \(verdict.seed)", Numbers.date(verdict.beganAt)]
    return """
      <header>
      <p class="over">Faults on real processes</p>
      <h1>\(title)</h1>
      <p class="facts">\(facts.joined(separator: " · "))</p>
      </header>
      """
  }

  private var headline: HTML {
    let proven = verdict.faults.count(where: \.isProven)
    let look: HTML = verdict.outcome == .passed ? "to" : "lost"
    let tiles: [(String, String)] = [
      ("\(verdict.numbers.groupsLost)", "groups lost of \(verdict.numbers.issued)"),
      ("\(verdict.numbers.trainedTwice)", "groups trained twice"),
      (verdict.worstRecovery.map(Numbers.duration) ?? "–", "slowest recovery: to the next group"),
      (
        "\(verdict.numbers.processStarts)",
        "processes started, the learner \(verdict.numbers.learnerStarts == 1 ? "once" : "\(verdict.numbers.learnerStarts) times")"
      ),
    ]
    let shown = tiles.map { "<div class=\"tile\"><b>\($0.0)</b><span>\($0.1)</span></div>" as HTML }
    return """
      <div class="headline">
      <div><p class="big"><span class="\(look)">\(verdict.outcome.rawValue)</span></p>
      <p>\(proven) of \(verdict.faults.count) faults acted, with proof.</p></div>
      <div class="tiles">\(shown)</div>
      </div>
      """
  }

  private var checks: HTML {
    let rows = verdict.checks.map { check -> HTML in
      "<tr><td>\(mark(check.isPassed, "✓ yes", "✗ no"))</td><td>\(check.name)</td><td>\(check.found)</td></tr>\n"
    }
    let hash: HTML =
      verdict.numbers.policySHA256.map { "<p class=\"note\">Final policy, SHA-256: <code>\($0)</code></p>" } ?? .empty
    return "<div class=\"wide\"><table>\(rows)</table></div>\n\(hash)"
  }

  private var faults: HTML {
    guard !verdict.faults.isEmpty else { return "<p class=\"none\">The plan has none.</p>" }
    let rows = verdict.faults.map { fault -> HTML in
      let proof = fault.proof.map { "<br><span class=\"unit\">\($0)</span>" as HTML }
      return """
        <tr><td class="n">\(fault.number)</td><td class="family">\(fault.family.rawValue)</td>\
        <td>\(fault.fault), at \(fault.when) \(mark(fault.isProven, "✓ proven", "✗ not proven"))\(proof)</td>\
        <td class="n">\(seconds(fault.firedAt))</td><td class="n">\(seconds(fault.endedAt))</td>\
        <td class="n">\(seconds(fault.secondsToNextGroup))</td><td class="n">\(seconds(fault.secondsToNextStep))</td></tr>

        """
    }
    return """
      <p class="note">Recovery is counted from the end of the fault: until one group more is admitted, and until a step more is \
      trained than ever before. A dash: there was no work left to recover.</p>
      <div class="wide"><table>
      <tr><th class="n"></th><th>family</th><th>fault</th><th class="n">from</th><th class="n">to</th>\
      <th class="n">next group after</th><th class="n">next step after</th></tr>
      \(rows)</table></div>
      """
  }

  private var processes: HTML {
    let rows = verdict.processes.map { life -> HTML in
      "<tr><td>\(life.name)</td><td class=\"n\">\(seconds(life.from))</td><td class=\"n\">\(seconds(life.to))</td><td>\(life.end)</td></tr>\n"
    }
    return
      "<div class=\"wide\"><table><tr><th>process</th><th class=\"n\">from</th><th class=\"n\">to</th><th></th></tr>\(rows)</table></div>"
  }

  private var again: HTML {
    let notes = verdict.notes.map { "<p class=\"note\">\($0)</p>" as HTML }
    return "<p><code>\(verdict.command)</code></p>\(notes)"
  }

  private func mark(_ isRight: Bool, _ right: String, _ wrong: String) -> HTML {
    isRight ? "<span class=\"right\">\(right)</span>" : "<span class=\"wrong\">\(wrong)</span>"
  }

  private func seconds(_ value: Double?) -> String { value.map { Numbers.fixed($0, 2) + " s" } ?? "–" }
}
