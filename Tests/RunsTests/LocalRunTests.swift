import DataSets
import DurableFiles
import Engines
import Foundation
import Rollout
import RunStore
import Settings
import Testing
import VisualReasoning

/// Runs of the real program as real processes over TCP on loopback, on a model of tiny size that has learnt nothing.
@Suite(.serialized) struct LocalRunTests {
  @Test("a local run ends with every group trained, and its weights do not depend on the number of workers or a kill")
  func sameBits() throws {
    let world = try World()
    let one = try world.run("one", workers: 1)
    #expect(one.status == 0, "\(one.errors)")
    let two = try world.run("two", workers: 2, killingOneWorker: true)
    #expect(two.status == 0, "\(two.errors)")

    let (first, second) = (try world.reader("one"), try world.reader("two"))
    let counts = try first.counts()
    #expect(counts.issued == World.steps * World.promptsPerStep)
    #expect(counts[.trained] == counts.issued)
    #expect(try first.audit().problems == [])
    #expect(try second.audit().problems == [])
    #expect(try first.latestStep()?.step == UInt32(World.steps))
    #expect(try first.latestStep()?.policy == second.latestStep()?.policy)
    #expect(try world.policyBytes("one") == world.policyBytes("two"))
    // The policy has moved: equal bits are not those of an untrained model.
    #expect(try world.policyBytes("one") != DurableFiles.read("\(world.base)/model.safetensors"))
  }

  @Test("a run that is interrupted goes on from its checkpoint and ends on the same bits")
  func goesOn() throws {
    let world = try World()
    let whole = try world.run("whole", workers: 1)
    #expect(whole.status == 0, "\(whole.errors)")
    let part = try world.run("part", workers: 1, interruptedAfterStep: 2)
    #expect(part.status == 75, "\(part.errors)")
    #expect(part.errors.contains("go on with"))
    let rest = try world.run("part", workers: 1)
    #expect(rest.status == 0, "\(rest.errors)")
    #expect(try world.policyBytes("part") == world.policyBytes("whole"))
    #expect(try world.reader("part").audit().problems == [])
  }

  @Test(
    "bad settings end with one line that says what is wrong",
    arguments: [
      (["run.stepz=3"], "run.steps"), (["data.trainFiles=[/nowhere/rows.jsonl]"], "/nowhere/rows.jsonl"),
      (["model.folder=/nowhere"], "/nowhere"), (["rollout.groupSize=0"], "rollout.groupSize"),
    ])
  func refusals(overrides: [String], named: String) throws {
    let world = try World()
    let result = try world.run("bad", workers: 1, overrides: overrides)
    #expect(result.status == 1)
    #expect(result.errors.contains(named), "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count { $0.hasPrefix("sophia: ") && !$0.hasPrefix("sophia: note") } == 1, "\(result.errors)")
  }
}

/// A folder with a small data set and an untrained model, and the program to run on them.
private struct World {
  static let steps = 4
  static let promptsPerStep = 3

  let folder: String
  var base: String { "\(folder)/base" }

  init() throws {
    folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    let data = try BuiltInDataSet(
      DataRecipe(seed: 5, trainRows: 20, heldOutRows: 6, supervisedRows: 40, judgedRows: 10, judgedHeldOutRows: 10))
    try DurableFiles.createFolder(folder)
    _ = try data.write(to: "\(folder)/data")
    let corpus = String(decoding: try DurableFiles.read("\(folder)/data/corpus.txt"), as: UTF8.self)
    try TinyModelFiles(corpus: corpus, kept: BuiltInDataSet.unsplitTexts, vocabularySize: 380, pictures: []).write(
      to: "\(folder)/tokenizer")
    var settings = SupervisedSettings()
    settings.steps = 2
    settings.rowsPerStep = 4
    try SupervisedRun(
      .policy, from: .tiny(besides: "\(folder)/tokenizer", seed: 3),
      rows: DataFile.read("\(folder)/data/sft.jsonl", use: .supervised), out: base, settings: settings, threads: 1
    ).run()
  }

  struct Outcome {
    let status: Int32
    let errors: String
  }

  /// `sophia train` to its end, as a process.
  func run(
    _ name: String, workers: Int, overrides: [String] = [], killingOneWorker: Bool = false, interruptedAfterStep: Int? = nil
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "sophia")
    try DurableFiles.write(
      """
      model: {folder: \(base)}
      data: {trainFiles: [\(folder)/data/train.jsonl], heldOutFiles: [\(folder)/data/held-out.jsonl]}
      rollout: {promptsPerStep: \(Self.promptsPerStep), maximumResponseTokens: 12, groupSize: 4}
      optimizer: {learningRate: 1e-3}
      run: {steps: \(Self.steps), seed: 9, checkpointEvery: 2, evaluateEvery: 0}
      cluster: {learnerThreads: 1, leaseSeconds: 5, peerTimeoutSeconds: 2, heartbeatSeconds: 0.2}
      """, to: "\(folder)/run.yaml")
    process.arguments =
      ["train", "\(folder)/run.yaml", "run.folder=\(folder)/\(name)", "cluster.workers=\(workers)"] + overrides
    let log = "\(folder)/\(name).err"
    _ = FileManager.default.createFile(atPath: log, contents: nil)
    process.standardError = FileHandle(forWritingAtPath: log)
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    if killingOneWorker { try wait(for: name, step: 1) { kill(try pid(of: "worker", in: name), SIGKILL) } }
    if let step = interruptedAfterStep { try wait(for: name, step: step) { kill(process.processIdentifier, SIGINT) } }
    process.waitUntilExit()
    return Outcome(
      status: process.terminationStatus, errors: String(decoding: try DurableFiles.read(log), as: UTF8.self))
  }

  private func wait(for name: String, step: Int, then act: () throws -> Void) throws {
    let deadline = Date().addingTimeInterval(60)
    while (try? reader(name).latestStep()?.step).flatMap({ $0 }) ?? 0 < UInt32(step) {
      guard Date() < deadline else {
        Issue.record("the run \(name) did not reach step \(step) within 60 s")
        return
      }
      usleep(5000)
    }
    try act()
  }

  private func pid(of role: String, in name: String) throws -> pid_t {
    let process = try #require(try reader(name).processes().first { $0.role == role && $0.endedAt == nil })
    return process.pid
  }

  func reader(_ name: String) throws -> RunReader { try RunReader(path: "\(folder)/\(name)/run.sqlite") }

  func policyBytes(_ name: String) throws -> [UInt8] {
    try DurableFiles.read("\(folder)/\(name)/policy/model.safetensors")
  }
}
