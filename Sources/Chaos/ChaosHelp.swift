/// What `sophia chaos` says of itself.
package enum ChaosHelp {
  package static var discussion: String {
    """
    Runs a learner, scorers and workers as processes of their own, as `sophia train` does, with a fault proxy in front of \
    every link; does to them what the plan says; and compares what is left with a run that nothing happened to.

      sophia chaos cluster/faults/process.yaml
      sophia chaos --random 5 --seed 7
      sophia chaos my-plan.yaml --config run.yaml run.steps=20
      sophia chaos --print-plan > my-plan.yaml      a plan with every key

    A plan is YAML. `settings:` holds settings of the run; `faults:` is a list, and each fault has the keys

      what   what happens, below
      whom   learner, scorer 0, worker 1; scorer, worker: drawn from --seed; any
      when   2.5 s (after the first group), step 3 (once it is trained), a
             protocol point with how often it is passed before (generating 2),
             or start, for the network and the clock
      for    how long: 500 ms, 2 s, 1 min

    \(kinds)
    Protocol points: of a worker leased, generating, generated, pushed, acknowledged; of a scorer scoring, scored, pushed; \
    of the learner admitting, admitted, trained, publishing, checkpointing, checkpointed.

    What it leaves: RUN/chaos.html and chaos.json with the verdict, RUN/plan.yaml with the plan as it was carried out, \
    RUN/undisturbed and RUN/disturbed with both runs. Root is needed for --namespaces alone, and for disk-full where user \
    namespaces are off.

    Exit codes: 0 passed; 1 failed, or the plan cannot be carried out; 2 not proven: nothing is wrong, but a fault was not \
    seen to act; 75 interrupted.
    """
  }

  private static var kinds: String {
    var text = ""
    for family in FaultKind.Family.allCases {
      text += "\(family.rawValue.prefix(1).uppercased())\(family.rawValue.dropFirst())\n"
      for kind in FaultKind.allCases where kind.family == family {
        let takes = kind.parameters.map { "\n`\($0.rawValue)`: \($0.accepted)" }.joined()
        text += "  " + kind.rawValue.padding(to: 18) + folded(kind.meaning + takes) + "\n"
      }
    }
    return text
  }

  /// In the second column of a terminal of 80.
  private static func folded(_ text: String) -> String {
    var lines: [String] = []
    for line in text.split(separator: "\n") {
      lines.append("")
      for word in line.split(separator: " ") {
        if lines[lines.count - 1].count + word.count > 57 { lines.append("") }
        lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
      }
    }
    return lines.joined(separator: "\n" + String(repeating: " ", count: 20))
  }

  /// A plan with every kind of fault and every key, which can be carried out as it is.
  package static var examplePlan: String {
    var lines = [
      "# A fault plan for `sophia chaos`. Each line below is a fault; leave out what you do not want.",
      "#   whom: learner, scorer 0, worker 1; scorer or worker: drawn from --seed; any: drawn among all",
      "#   when: 2.5 s (after the first group) | step 3 | generating 2 (a protocol point, passed twice before) | start",
      "#   for:  500 ms, 2 s, 1 min", "",
      "settings:                  # any of `sophia train --help-config`, over those of --config or the built-in run",
      "  run: {steps: 60}", "  cluster: {workers: 2, scorers: 1}", "", "faults:",
    ]
    for family in FaultKind.Family.allCases {
      lines += ["", "  # \(family.rawValue)"]
      for kind in FaultKind.allCases where kind.family == family {
        lines.append("  # \(kind.meaning)" + needs(kind))
        for parameter in kind.parameters { lines.append("  #   \(parameter.rawValue): \(parameter.accepted)") }
        lines.append("  - \(example(kind).yaml)")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func needs(_ kind: FaultKind) -> String {
    switch kind {
    case .diskFull: " (root, or user namespaces)"
    case .fsyncError: " (needs the Debian package strace)"
    case .clockJump: " (needs the Debian package faketime)"
    default: ""
    }
  }

  private static func example(_ kind: FaultKind) -> Fault {
    let number = 2 + 3 * (FaultKind.allCases.firstIndex(of: kind) ?? 0)
    var fault = Fault(kind, kind.roles.count == 1 ? .role(kind.roles[0]) : .role(.worker), when: .step(number))
    if kind == .kill { fault.when = .point(.generating, passes: 2) }
    if kind == .judgeErrors { fault.when = .point(.scoring, passes: 5) }
    if kind == .clockJump { (fault.whom, fault.when) = (.role(.learner), .start) }
    if kind.lasts == .always { fault.length = .seconds(2) }
    return fault
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String { self + String(repeating: " ", count: max(1, width - count)) }
}
