import DurableFiles
import Foundation
import Testing

/// `sophia chaos` on real processes, over one folder, so that the undisturbed run is made once.
@Suite(.serialized) struct ChaosCommandTests {
  @Test("faults of processes, network, data, reward service and doors cost time and change no bit")
  func withoutRoot() throws {
    let verdict = try passes(
      """
      faults:
        - {what: delay, whom: worker 0, when: start, for: 3 s, delay: 10 ms, jitter: 10 ms}
        - {what: kill, whom: worker 1, when: generating 2}
        - {what: bad-messages, when: step 1, messages: 20}
        - {what: cut, whom: worker 0, when: step 2, for: 1 s, way: out}
        - {what: strangers, when: step 3, connections: 12}
        - {what: judge-errors, whom: scorer 0, when: scoring 20, times: 1}
        - {what: kill, whom: learner, when: trained 6}
        - {what: stop, whom: worker, when: step 9, for: 1 s}
      """)
    let faults = try #require(verdict["faults"] as? [[String: Any]])
    #expect(
      Set(faults.compactMap { $0["family"] as? String }) == ["process", "network", "data", "reward service", "security"])
    // The learner was killed before the journal knew of its seventh step, and lost what was after its checkpoint.
    #expect((verdict["numbers"] as? [String: Any])?["learner_starts"] as? Int == 2)
  }

  @Test("a checkpoint with a flipped bit is refused, and one that fails to be synced stops the learner")
  func storage() throws {
    let sync = Broken.canTrace ? "\n  - {what: fsync-error, when: step 12}" : ""
    try passes("faults:\n  - {what: damage-checkpoint, when: step 7}" + sync)
  }

  @Test("a judge that answers with errors, late, in drops, in halves or not at all changes no bit")
  func judge() throws {
    try passes(
      """
      faults:
        - {what: bad-judge, whom: scorer, when: step 1, for: 1 s, manner: 500, share: 0.5}
        - {what: bad-judge, whom: scorer, when: step 4, for: 1 s, manner: silent, share: 0.2}
        - {what: kill, whom: scorer 0, when: scoring 30}
        - {what: bad-judge, whom: scorer, when: step 9, for: 1 s, manner: broken, share: 0.3}
        - {what: bad-judge, whom: scorer, when: step 12, for: 1 s, manner: 429, share: 0.2}
      """)
  }

  @Test(
    "a disk that is full holds everything up until there is room",
    .enabled(if: Broken.canMount, "needs root or user namespaces"))
  func fullDisk() throws {
    try passes("faults:\n  - {what: disk-full, when: step 4, for: 1.5 s}")
  }

  @Test("clocks that jump change nothing", .enabled(if: Broken.canMoveClocks, "needs the Debian package faketime"))
  func clock() throws {
    try passes(
      """
      faults:
        - {what: clock-jump, whom: learner, when: step 3, for: 1 s, by: 1 h}
        - {what: clock-jump, whom: worker 0, when: start, by: -2 h}
      """)
  }

  @Test("hosts with addresses of their own are cut off and slowed", .enabled(if: geteuid() == 0, "needs root"))
  func namespaces() throws {
    let plan = """
      faults:
        - {what: cut, whom: worker 0, when: step 2, for: 1 s, way: out}
        - {what: slow, whom: learner, when: step 8, for: 1 s, rate: 500 kB}
      """
    try passes(plan, ["--namespaces"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: "/run/netns").filter { $0.hasPrefix("sophia-") } == [])
  }

  @Test("a fault that had no occasion to act leaves the verdict open")
  func notProven() throws {
    let broken = try Broken.shared
    let outcome = try broken.chaos("faults:\n  - {what: kill, whom: worker 0, when: generating 100000}")
    #expect(outcome.status == 2, "\(outcome.errors)")
    let verdict = try broken.verdict()
    #expect(verdict["outcome"] as? String == "not proven")
    #expect(outcome.output.contains("it did not come to generating 100000"))
  }

  @Test("weights that differ are found")
  func otherWeights() throws {
    let broken = try Broken.shared
    // Another seed makes other weights, which a key that is not its own passes off as the undisturbed run's.
    let short = "settings: {run: {steps: 5}}\nfaults: []"
    #expect(try broken.chaos(short).status == 0)
    let key = try DurableFiles.read("\(broken.folder)/undisturbed.key")
    defer { try? DurableFiles.remove("\(broken.folder)/undisturbed.key") }
    #expect(try broken.chaos(short, ["run.seed=10"]).status == 0)
    try DurableFiles.write(key, to: "\(broken.folder)/undisturbed.key")
    let outcome = try broken.chaos(short)
    #expect(outcome.status == 1, "\(outcome.errors)")
    #expect(outcome.output.contains("WRONG the weights are those of the undisturbed run"))
  }

  @Test("Ctrl-C in the middle stops everything, what stands still included", arguments: [SIGINT, SIGKILL])
  func interrupted(signal: Int32) throws {
    let broken = try Broken.shared
    let outcome = try broken.chaos("faults:\n  - {what: stop, whom: worker 0, when: step 2, for: 60 s}", within: 30) {
      process in
      try broken.waitUntilSays("fault 1: stop worker 0")
      usleep(300_000)
      kill(process, signal)
    }
    #expect(outcome.status == (signal == SIGINT ? 75 : SIGKILL), "\(outcome.errors)")
    try broken.eventually("nothing is left running") { broken.processes().isEmpty }
  }

  @Test(
    "bad use is one line that says what to do",
    arguments: [
      (["nowhere.yaml"], "nowhere.yaml"), ([], "no plan is named"),
      (["--random", "3", "plan.yaml"], "either a plan or --random"),
      (["--random", "2", "run.stepz=3"], "did you mean run.steps?"),
      (["--random", "2", "--config", "nowhere.yaml"], "nowhere.yaml"),
    ])
  func badUse(arguments: [String], message: String) throws {
    let outcome = try Broken.shared.sophia(["chaos", "--run", Broken.shared.folder] + arguments)
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(!outcome.errors.contains("Fatal error"))
  }

  /// The plan passes, with every fault proven.
  @discardableResult
  private func passes(_ plan: String, _ options: [String] = []) throws -> [String: Any] {
    let broken = try Broken.shared
    let outcome = try broken.chaos(plan, options)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    let verdict = try broken.verdict()
    #expect(verdict["outcome"] as? String == "passed", "\(outcome.output)")
    let numbers = try #require(verdict["numbers"] as? [String: Any])
    #expect(numbers["groups_lost"] as? Int == 0 && numbers["trained_twice"] as? Int == 0)
    #expect(numbers["policy_sha256"] as? String == numbers["expected_policy_sha256"] as? String)
    let page = try String(contentsOfFile: "\(broken.folder)/chaos.html", encoding: .utf8)
    #expect(page.contains("<svg") && page.contains("Nothing lost, nothing twice"))
    return verdict
  }
}
