import DurableFiles
import Foundation
import Runs
import Testing

@testable import Ablation

/// Real processes, with models that have learnt next to nothing.
@Suite(.serialized)
struct AblationRunTests {
  private static let plan = """
    folder: unused
    bases: [5]
    seeds: [7]
    mixture: standard
    rows: {train: 16, choose: 3, report: 4}
    models: {basicSteps: 1, warmStartSteps: 1, startAccuracy: 0, thinkingSteps: 1}
    judges: [confident-words, few-labels]
    settings:
      run: {steps: 2}
      rollout: {promptsPerStep: 2, groupSize: 2, maximumResponseTokens: 8}
      cluster: {heartbeatSeconds: 0.2}
    arms:
      grpo: {algorithm: {mode: grpo}}
      full: {algorithm: {oneSided: include}}
    choose: {bases: [5], seeds: [0], arm: grpo, among: {optimizer.learningRate: [1e-3, 1e-4]}}

    """

  private func sophia(_ arguments: [String], in folder: String, disturb: (Process) throws -> Void = { _ in }) throws -> (status: Int32, output: String, errors: String) {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "sophia")
    process.arguments = arguments
    let files = ["out", "err"].map { "\(folder)/\(UUID().uuidString).\($0)" }
    for file in files { try DurableFiles.write("", to: file) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    try disturb(process)
    let deadline = ContinuousClock.now + .seconds(240)
    while process.isRunning, .now < deadline { usleep(50_000) }
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      Issue.record("sophia \(arguments[0]) did not end")
    }
    let texts = try files.map { String(decoding: try DurableFiles.read($0), as: UTF8.self) }
    return (process.terminationStatus, texts[0], texts[1])
  }

  private func results(_ folder: String) throws -> [AblationResult] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder)/results").sorted()
      .compactMap { AblationResult.read("\(folder)/results/\($0)") }
  }

  @Test func anAblationIsMadeInterruptedAndGoneOnWith() throws {
    let folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    defer { try? DurableFiles.remove(folder) }
    try DurableFiles.createFolder(folder)
    let plan = "\(folder)/plan.yaml"
    try DurableFiles.write(Self.plan, to: plan)
    let arguments = ["ablate", plan, "--run", "\(folder)/ablation", "--jobs", "2", "--keep-runs"]

    // Stopped as soon as the first result is there.
    let stopped = try sophia(arguments, in: folder) { process in
      let deadline = ContinuousClock.now + .seconds(120)
      while (try? results("\(folder)/ablation").isEmpty) ?? true, process.isRunning, .now < deadline { usleep(20_000) }
      kill(process.processIdentifier, SIGINT)
    }
    #expect(stopped.status == RunExit.interrupted, "\(stopped.errors)")
    #expect(stopped.errors.contains("stopped; go on with: sophia ablate \(plan)"))
    let early = try results("\(folder)/ablation")
    #expect(!early.isEmpty && early.count < 5)

    let finished = try sophia(arguments, in: folder)
    try #require(finished.status == 0, "\(finished.errors)")
    #expect(finished.errors.contains("are there already") && finished.errors.contains("chosen: optimizer.learningRate"))
    let all = try results("\(folder)/ablation")
    // Two to choose by; outcome rewards alone, and the thinking reward with either judge.
    #expect(all.count { $0.rows == .choose } == 2)
    #expect(Set(all.filter { $0.rows == .report }.map(\.cell.judge)) == [nil, .confidentWords, .fewLabels])
    #expect(all.count == 5)
    #expect(all.allSatisfy { $0.steps.map(\.step) == [1, 2] && $0.end.rows == ($0.rows == .choose ? 3 : 4) })
    #expect(finished.output.contains("\(folder)/ablation/ablation.html"))
    let page = String(decoding: try DurableFiles.read("\(folder)/ablation/ablation.html"), as: UTF8.self)
    #expect(page.contains("3 runs of 2 steps") && page.contains("sophia ablate \(plan)"))

    // Nothing is made twice.
    let again = try sophia(arguments, in: folder)
    #expect(again.status == 0)
    #expect(!again.errors.contains("learning to see") && again.errors.contains("3 of 3 are there already"))
    #expect(try results("\(folder)/ablation").map(\.seconds) == all.map(\.seconds))

    // A run of the ablation is a run like any other: `sophia train` on its settings, with more workers, makes the same policy.
    let run = try #require(all.first { $0.cell.judge == .fewLabels })
    let trained = try sophia(
      ["train", "\(folder)/ablation/runs/\(run.identity)/settings.json", "run.folder=\(folder)/by-hand", "cluster.workers=2"], in: folder)
    try #require(trained.status == 0, "\(trained.errors)")
    #expect(run.policySHA256.count == 64 && trained.output.contains("sha256 \(run.policySHA256)"))
  }

  @Test func aBaseThatDoesNotGetFarEnoughIsSaid() throws {
    let folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    defer { try? DurableFiles.remove(folder) }
    try DurableFiles.createFolder(folder)
    try DurableFiles.write(Self.plan.replacing("startAccuracy: 0,", with: "startAccuracy: 0.9,"), to: "\(folder)/plan.yaml")
    let late = try sophia(["ablate", "\(folder)/plan.yaml", "--run", "\(folder)/ablation"], in: folder)
    #expect(late.status == 1)
    #expect(late.errors.contains("base policy 5 after 2 steps: accuracy 0.000"))
    #expect(late.errors.contains("base policy 5 is not right in 0.9 of the rows after 8 steps; lower models.startAccuracy"))
    #expect(try !FileManager.default.fileExists(atPath: "\(folder)/ablation/results") || results("\(folder)/ablation").isEmpty)
  }

  @Test func badInputIsRefusedBeforeAnythingIsMade() throws {
    let folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    defer { try? DurableFiles.remove(folder) }
    try DurableFiles.createFolder(folder)
    let missing = try sophia(["ablate", "\(folder)/none.yaml"], in: folder)
    #expect(missing.status == 1 && missing.errors.contains("none.yaml"))
    try DurableFiles.write(Self.plan.replacing("bases: [5]", with: "bases: [five]"), to: "\(folder)/plan.yaml")
    let bad = try sophia(["ablate", "\(folder)/plan.yaml", "--run", "\(folder)/ablation"], in: folder)
    #expect(bad.status == 1 && bad.errors.contains("line 2: bases is [five]"), "\(bad.errors)")
    #expect(!FileManager.default.fileExists(atPath: "\(folder)/ablation"))
    try DurableFiles.write(Self.plan, to: "\(folder)/plan.yaml")
    #expect(try sophia(["ablate", "\(folder)/plan.yaml", "--jobs", "0"], in: folder).status == 64)
    let listed = try sophia(["ablate", "\(folder)/plan.yaml", "--list"], in: folder)
    #expect(listed.status == 0 && listed.output.contains("3 runs of 3 cells"))
  }
}
