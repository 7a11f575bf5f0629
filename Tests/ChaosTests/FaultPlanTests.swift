import Chaos
import Cluster
import DurableFiles
import Foundation
import Rollout
import Settings
import Testing

@Suite struct FaultPlanTests {
  @Test("a plan says what, whom, when and for how long")
  func reading() throws {
    let plan = try FaultPlan.parse(
      """
      settings:
        run: {steps: 20}
        cluster.workers: 3
      faults:
        - {what: kill, whom: worker 2, when: generating 3}
        - {what: cut, whom: scorer, when: 2.5 s, for: 300 ms, way: in}
        - what: slow
          whom: any
          when: start
          for: 1 min
          rate: 20 kB
        - {what: disk-full, when: step 4, for: 2}
      """, file: "plan.yaml")
    #expect(plan.settings == ["run.steps=20", "cluster.workers=3"])
    var cut = Fault(.cut, .role(.scorer), when: .after(.milliseconds(2500)), length: .milliseconds(300))
    cut.parameters.way = .in
    var slow = Fault(.slow, .any, when: .start, length: .seconds(60))
    slow.parameters.rate = 20_000
    #expect(
      plan.faults == [
        Fault(.kill, .process(.worker, 2), when: .point(.generating, passes: 3)), cut, slow,
        Fault(.diskFull, .process(.learner, 0), when: .step(4), length: .seconds(2)),
      ])
  }

  @Test(
    "what is wrong in a plan is named with its line and what to do",
    arguments: [
      ("faults:\n  - {what: kil, whom: worker, when: 2 s}", "line 2: there is no fault kil; did you mean kill?"),
      (
        "faults:\n  - {what: kill, whom: worker, wen: 2 s}",
        "line 2: there is no key of the fault kill wen; did you mean when?"
      ),
      ("faults:\n  - {what: kill, whom: worker, when: 2 s, for: 3 s}", "kill takes no for; its keys are what, whom, when"),
      ("faults:\n  - {what: kill, whom: worker}", "line 2: the fault has no when; it must be a time"),
      ("faults:\n  - {what: stop, whom: worker, when: 2 s}", "the fault has no for; say for how long"),
      (
        "faults:\n  - {what: kill, whom: wrker, when: 2 s}",
        "whom is wrker; it must be worker (drawn from the seed), worker 0"
      ),
      ("faults:\n  - {what: judge-errors, whom: worker, when: 2 s}", "whom is worker; it must be scorer"),
      (
        "faults:\n  - {what: kill, whom: worker, when: soon}",
        "when is soon; it must be a time after the first group (2.5 s), a step"
      ),
      ("faults:\n  - {what: kill, whom: worker, when: trained 2}", "when is trained 2; it must be"),
      ("faults:\n  - {what: slow, when: 1 s, for: 1 s, rate: 3}", "rate is 3; it must be bytes a second from 1000 on"),
      ("faults:\n  - {what: corrupt, when: 1 s, for: 1 s, share: 2}", "share is 2; it must be a number more than 0"),
      ("faults:\n  - {what: bad-judge, when: 1 s, for: 1 s, manner: 404}", "manner is 404; it must be 429, 500, silent"),
      ("faults:\n  - {what: stop, whom: worker, when: 1 s, for: -1 s}", "for is -1 s; it must be a time"),
      ("fault:\n  - {what: kill}", "line 1: there is no section of a plan fault; did you mean faults?"),
      ("faults: kill", "line 1: faults is not a list"),
      ("faults:\n  - kill", "line 2: a fault is made of keys"),
      ("faults: [", "not YAML"),
      ("", "holds no plan"),
      ("settings: 3\nfaults: []", "line 1: settings is made of"),
      ("settings: {a=b: 1}\nfaults: []", "line 1: a key is not plain text"),
      ("settings: {a: &a {b: 1, c: 2}, d: &d {e: *a, f: *a}}\nfaults: []", "line 1: there is an alias"),
    ])
  func mistakes(text: String, message: String) throws {
    let error = try #require(throws: PlanError.self) { try FaultPlan.parse(text, file: "plan.yaml") }
    #expect("\(error)".contains(message), "\(error)")
    #expect("\(error)".hasPrefix("plan.yaml"))
  }

  @Test("the example has every fault and every key, can be read, and can be carried out by the built-in run")
  func example() throws {
    let plan = try FaultPlan.parse(ChaosHelp.examplePlan, file: "example")
    #expect(Set(plan.faults.map(\.what)) == Set(FaultKind.allCases))
    _ = try FaultSchedule(plan, seed: 0, settings: settings(steps: 60))
  }

  @Test("what is printed of a plan is the same plan")
  func printing() throws {
    var plan = try FaultPlan.parse(ChaosHelp.examplePlan, file: "plan")
    #expect(try FaultPlan.parse(plan.yaml(comment: ["again"]), file: "plan") == plan)
    plan.faults = []
    #expect(try FaultPlan.parse(plan.yaml(), file: "plan") == plan)
  }

  @Test("settings that YAML would take for something else are quoted", arguments: [
    "a.b=[x, whe :s}, \u{7}é]", "a: b=- x", "a={c", "a=*b", "a=\"\\\n", "a=-1.5", "a=x:", "a= x", "a=[]", "a=[\"]",
  ])
  func quoting(setting: String) throws {
    let plan = FaultPlan(name: "plan", settings: [setting], faults: [])
    #expect(try FaultPlan.parse(plan.yaml(), file: "plan") == plan, "\(plan.yaml())")
  }

  @Test("of a setting that is given twice the last is printed")
  func twice() throws {
    let plan = try FaultPlan.parse("settings: {run.steps: 3, run: {steps: 4}}\nfaults: []", file: "plan")
    #expect(try FaultPlan.parse(plan.yaml(), file: "plan").settings == ["run.steps=4"])
  }

  @Test("the ready plans can be read, and have every family between them")
  func readyPlans() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../cluster/faults")
      .standardizedFileURL
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".yaml") }
    let plans = try files.map { try FaultPlan.read("\(folder.path)/\($0)") }
    for plan in plans { _ = try FaultSchedule(plan, seed: 0, settings: settings(steps: 30, plan.settings)) }
    #expect(Set(plans.flatMap(\.faults).map(\.what.family)) == Set(FaultKind.Family.allCases))
  }

  @Test("times are read as they are written", arguments: ["200 ms", "2 s", "1.5 s", "-90 s", "1 h", "-2 h", "90 s"])
  func times(text: String) throws {
    #expect(try #require(Duration(text: text)).text == text)
  }

  @Test("what is no time is none", arguments: ["", "s", "2 sec", "1e400 h", "two", "nan", "400000 h"])
  func noTimes(text: String) {
    #expect(Duration(text: text) == nil)
  }
}

/// Settings of a run with two workers and one scorer.
func settings(steps: Int, _ overrides: [String] = []) throws -> RunSettings {
  try LoadedSettings.parse(
    "{model: {folder: m}, data: {trainFiles: [d]}, run: {steps: \(steps), checkpointEvery: 3}, cluster: {workers: 2, scorers: 1}}",
    file: "settings", overrides: overrides
  ).settings
}
