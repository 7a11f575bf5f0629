import DataSets
import DurableFiles
import Engines
import Foundation
import RunStore
import Settings
import Testing
import VisualReasoning

/// A folder with training rows and a base model of tiny size, and the program to run on them. It goes with this.
final class World: Sendable {
  static let steps = 4
  static let promptsPerStep = 3

  /// What the runs train on.
  enum Problems {
    /// Pictures with questions, and a base model that has learnt nothing: every response is wrong.
    case unlearnt
    /// Texts, and a base model that keeps to the format and answers 1 or 2: groups have both right and wrong members.
    case halfLearnt
  }

  let folder: String
  var base: String { "\(folder)/base" }

  init(_ problems: Problems = .unlearnt) throws {
    folder = NSTemporaryDirectory() + "sophia-\(UUID().uuidString)"
    let data = try BuiltInDataSet(
      DataRecipe(seed: 5, trainRows: 20, heldOutRows: 6, supervisedRows: 40, judgedRows: 10, judgedHeldOutRows: 10))
    try DurableFiles.createFolder(folder)
    _ = try data.write(to: "\(folder)/data")
    if problems == .halfLearnt {
      try DurableFiles.write(Self.texts(rows: 20, answers: ["1"]), to: "\(folder)/data/train.jsonl")
      try DurableFiles.write(Self.texts(rows: 40, answers: ["1", "2"]), to: "\(folder)/data/sft.jsonl")
    }
    let corpus = String(decoding: try DurableFiles.read("\(folder)/data/corpus.txt"), as: UTF8.self)
    try TinyModelFiles(corpus: corpus, kept: BuiltInDataSet.unsplitTexts, vocabularySize: 380, pictures: []).write(
      to: "\(folder)/tokenizer")
    var settings = SupervisedSettings()
    settings.steps = problems == .unlearnt ? 2 : 40
    settings.rowsPerStep = problems == .unlearnt ? 4 : 8
    settings.warmupSteps = 5
    try SupervisedRun(
      .policy, from: .tiny(besides: "\(folder)/tokenizer", seed: 3),
      rows: DataFile.read("\(folder)/data/sft.jsonl", use: .supervised), out: base, settings: settings, threads: 1
    ).run()
  }

  deinit { try? DurableFiles.remove(folder) }

  /// Rows whose right answer is 1 and whose responses take turns between `answers`.
  private static func texts(rows: Int, answers: [String]) -> String {
    (0..<rows).map { row in
      """
      {"problem": "\(row % 5) + 1 ?", "problem_type": "numerical", "solution": "<answer>1</answer>", \
      "response": "<think>1</think><answer>\(answers[row % answers.count])</answer>"}

      """
    }.joined()
  }

  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Writes the settings that every run starts from, and says which arguments make them those of the run `name`.
  func settings(of name: String, workers: Int, _ overrides: [String]) throws -> [String] {
    try DurableFiles.write(
      """
      model: {folder: \(base)}
      data: {trainFiles: [\(folder)/data/train.jsonl], heldOutFiles: [\(folder)/data/held-out.jsonl]}
      rollout: {promptsPerStep: \(Self.promptsPerStep), maximumResponseTokens: 12, groupSize: 4}
      optimizer: {learningRate: 1e-3}
      run: {steps: \(Self.steps), seed: 9, checkpointEvery: 2, evaluateEvery: 0}
      cluster: {learnerThreads: 1, leaseSeconds: 5, peerTimeoutSeconds: 2, heartbeatSeconds: 0.2}
      """, to: "\(folder)/run.yaml")
    return ["\(folder)/run.yaml", "run.folder=\(folder)/\(name)", "cluster.workers=\(workers)"] + overrides
  }

  /// `sophia train` to its end, as a process.
  ///
  /// - Parameters:
  ///   - fault: what `SOPHIA_FAULT` says to all its processes.
  ///   - disturb: given the process as soon as it runs.
  func run(
    _ name: String, workers: Int, overrides: [String] = [], killingOneWorker: Bool = false, interruptedAfterStep: Int? = nil,
    fault: Fault? = nil, disturb: (pid_t) throws -> Void = { _ in }
  ) throws -> Outcome {
    let arguments = try ["train"] + settings(of: name, workers: workers, overrides)
    return try sophia(arguments, log: name, environment: fault?.environment ?? [:]) { process in
      if killingOneWorker { try wait(for: name, step: 1) { kill(try pid(of: "worker", in: name), SIGKILL) } }
      if let step = interruptedAfterStep { try wait(for: name, step: step) { kill(process, SIGINT) } }
      try disturb(process)
    }
  }

  /// The program to its end, as a process.
  ///
  /// - Parameters:
  ///   - log: what its output is kept under.
  ///   - disturb: given the process as soon as it runs.
  func sophia(
    _ arguments: [String], log: String, environment: [String: String] = [:], disturb: (pid_t) throws -> Void = { _ in }
  ) throws -> Outcome {
    let process = Process()
    process.executableURL = Self.program
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, new in new }
    let files = ["out", "err"].map { "\(folder)/\(log).\($0)" }
    for file in files { try DurableFiles.write("", to: file) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    try process.run()
    defer { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    try disturb(process.processIdentifier)
    try eventually("sophia \(arguments[0]) ends") { !process.isRunning }
    let texts = try files.map { String(decoding: try DurableFiles.read($0), as: UTF8.self) }
    return Outcome(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  /// The release binary beside the tests.
  static var program: URL? { Bundle.main.executableURL?.deletingLastPathComponent().appending(path: "sophia") }

  private func wait(for name: String, step: Int, then act: () throws -> Void) throws {
    try eventually("the run \(name) reaches step \(step)") {
      (try? reader(name).latestStep()?.step).flatMap { $0 } ?? 0 >= UInt32(step)
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
