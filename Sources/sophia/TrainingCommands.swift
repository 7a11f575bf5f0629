internal import ArgumentParser
internal import Dashboard
internal import DataSets
internal import DurableFiles
internal import Engines
internal import Foundation
internal import Runs

struct SupervisedArguments: ParsableArguments {
  @Option(help: "Rows to learn from: JSON list or JSONL.")
  var data: String

  @Option(help: "Model folder to start from; a tiny new model if absent.")
  var model: String?

  @Option(help: "Model folder to write.")
  var out: String

  @Option(help: "Optimiser steps.")
  var steps = 500

  @Option(help: "Rows a step.")
  var rows = 48

  @Option(help: "Highest learning rate of the cosine schedule.")
  var learningRate = 3e-3

  @Option(help: "Decides the order of the rows, and the weights of a new model.")
  var seed: UInt64 = 0

  @Option(help: "Threads for tensors; more than one pays for large models only.")
  var threads = 1

  func validate() throws {
    for (name, value) in [("steps", steps), ("rows", rows), ("threads", threads)] where value < 1 {
      throw ValidationError("--\(name) is \(value); give 1 or more")
    }
  }

  var settings: SupervisedSettings {
    var settings = SupervisedSettings()
    settings.steps = steps
    settings.rowsPerStep = rows
    settings.learningRate = learningRate
    settings.seed = seed
    return settings
  }

  func train(_ run: SupervisedRun, as name: String) throws {
    let interruption = Interruption()
    let stage = TerminalProgress().stage(name, total: steps)
    var last = 0.0
    do {
      try run.run(shouldStop: { interruption.isRequested }) { state in
        last = state.loss
        stage.update(done: state.step, numbers: [("loss", state.loss), ("gradient", state.gradientNorm)])
      }
    } catch is CancellationError {
      stage.finish("stopped; the same command goes on")
      throw ExitCode(RunExit.interrupted)
    }
    stage.finish("loss \(String(format: "%.3f", last)), written to \(out)")
  }
}

struct SupervisedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sft",
    abstract: "Supervised warm start: learns the responses of rows.",
    discussion: """
      Rows have `problem`, `path` (image), `response`. Without --model a tiny Qwen2.5-VL is made from nothing, and a \
      tokenizer learnt from the rows.

        sophia data make --out data/bars
        sophia sft --data data/bars/sft.jsonl --out models/base
      """)

  @OptionGroup var training: SupervisedArguments

  @Option(help: "Tokens of a new tokenizer.")
  var vocabulary = 400

  @Option(parsing: .upToNextOption, help: "Texts that a new tokenizer keeps whole.")
  var keep = ["<think>", "</think>", "<answer>", "</answer>"]

  func run() throws {
    let rows = try DataFile.read(training.data, use: .supervised)
    var start = ModelStart.folder(training.model ?? "")
    let files = training.out + ".tokenizer"
    if training.model == nil {
      try TinyModelFiles(
        corpus: rows.prefix(20_000).map { "\($0.prompt)\n\($0.response ?? "")" }.joined(separator: "\n"), kept: keep,
        vocabularySize: vocabulary, pictures: try rows.prefix(64).flatMap { try $0.task(system: nil).images }
      ).write(to: files)
      start = .tiny(besides: files, seed: training.seed)
    }
    try training.train(
      SupervisedRun(
        .policy, from: start, rows: rows, out: training.out, settings: training.settings, threads: training.threads),
      as: "sft")
    try DurableFiles.remove(files)
  }
}

struct ThinkingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trm",
    abstract: "Makes a thinking-reward model: collects and labels traces, trains, reports.",
    discussion: """
      sophia trm collect runs/mine --labels checker --out data/trm        # traces that a run's policy wrote, labelled
      sophia trm --data data/trm/trm.jsonl --beside models/base --out models/trm
      sophia trm report --model models/trm --data data/trm/trm-held-out.jsonl
      """,
    subcommands: [ThinkingTrainCommand.self, ThinkingCollectCommand.self, ThinkingReportCommand.self],
    defaultSubcommand: ThinkingTrainCommand.self)
}

struct ThinkingTrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Trains a thinking-reward model on scored reasoning.",
    discussion: """
      Rows have `problem`, `path` (image), `response` (its <think> part is judged) and `thinking_score` in [0, 1]. With \
      --held-out it prints what `sophia trm report` prints, as one JSON object.

        sophia trm --data data/bars/trm.jsonl --held-out data/bars/trm-held-out.jsonl --beside models/base --out models/trm
      """)

  @OptionGroup var training: SupervisedArguments

  @Option(help: "Without --model: the folder whose tokenizer a tiny new model gets.")
  var beside: String?

  @Option(help: "Scored rows to report the error on.")
  var heldOut: String?

  @Flag(help: "Make a model that is not shown images.")
  var blind = false

  func validate() throws {
    guard (training.model == nil) != (beside == nil) else {
      throw ValidationError("give either --model (to train further) or --beside (to make a tiny model with that tokenizer)")
    }
  }

  func run() throws {
    let rows = try DataFile.read(training.data, use: .judging)
    var form = try training.model.map { try ThinkingRewardForm(folder: $0) } ?? ThinkingRewardForm(system: "")
    if blind { form.blind = true }
    let start: ModelStart =
      training.model.map { .folder($0) } ?? .tiny(besides: beside ?? "", seed: training.seed)
    try training.train(
      SupervisedRun(
        .thinkingReward(form), from: start, rows: rows, out: training.out, settings: training.settings,
        threads: training.threads),
      as: "trm")
    guard let heldOut else { return }
    let report = try ThinkingRewardModel(folder: training.out).report(on: DataFile.read(heldOut, use: .judging))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    try printLine(String(decoding: try encoder.encode(report), as: UTF8.self))
  }
}
