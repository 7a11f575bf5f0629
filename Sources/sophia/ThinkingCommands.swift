internal import ArgumentParser
internal import Dashboard
internal import DataSets
internal import Engines
internal import Foundation
internal import Runs
internal import ServedReward

struct ThinkingCollectCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Collects and labels traces to learn from.",
    discussion: """
      Takes every response of the runs (from their journals) and of the files named, leaves out what is cut off, not of the \
      format, without thinking, too long or there already, labels the rest in tenths, holds some problems out, and takes \
      as many traces of each tenth as of any other, as far as there are. Writes trm.jsonl, trm-held-out.jsonl, their images \
      and collection.json. Interrupted, it goes on with the same command: labels of a judge are kept as they come.

        sophia trm collect runs/demo --labels checker --out data/trm
        sophia trm collect runs/mine traces.jsonl --labels judge --judge-url http://127.0.0.1:8000/v1 --judge-model NAME --out data/trm
      """)

  enum Labels: String, CaseIterable, ExpressibleByArgument {
    case checker, judge, given
  }

  @Argument(help: "Run folders, and files of rows with `response`.")
  var sources: [String]

  @Option(help: "checker: of the built-in data; judge: a served model; given: thinking_score of the rows.")
  var labels: Labels

  @Option(help: "Folder to write.")
  var out: String

  @Option(help: "Traces to learn from.")
  var count = 4000

  @Option(help: "Traces of problems that are held out.")
  var heldOut = 500

  @Option(help: "Decides what is held out and what is taken.")
  var seed: UInt64 = 0

  @Option(help: "The judge's chat endpoint, http://HOST:PORT/v1. Its key is read from SOPHIA_JUDGE_KEY, if that is set.")
  var judgeURL = ""

  @Option(help: "The judge's name there.")
  var judgeModel = ""

  @Option(help: "Requests to the judge at once.")
  var concurrency = 16

  func validate() throws {
    for (name, value) in [("count", count), ("held-out", heldOut), ("concurrency", concurrency)] where value < 1 {
      throw ValidationError("--\(name) is \(value); give 1 or more")
    }
    if labels == .judge, judgeURL.isEmpty || judgeModel.isEmpty {
      throw ValidationError("--labels judge needs --judge-url and --judge-model")
    }
    guard !sources.isEmpty else { throw ValidationError("name at least one run folder or file of rows") }
  }

  func run() async throws {
    var options = TraceCollection.Options(sources: sources, labels: try chosenLabels, out: out)
    (options.count, options.heldOut, options.seed) = (count, heldOut, seed)
    let outcome: TraceCollection.Outcome
    do {
      outcome = try await TraceCollection(options, progress: TerminalProgress(), interruption: Interruption()).run()
    } catch is CancellationError {
      throw ExitCode(RunExit.interrupted)
    }
    try printLine("\(outcome.candidates) responses; left out: \(outcome.leftOut.isEmpty ? "none" : outcome.leftOut.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", "))")
    try printLine("label     traces    taken  held out")
    for tenth in 0..<10 {
      try printLine(
        String(
          format: "%.1f%@%11d%9d%10d", Double(tenth) / 10, tenth == 9 ? "/1" : "  ", outcome.available[tenth],
          outcome.taken[tenth], outcome.heldOut[tenth]))
    }
    let (taken, held) = (outcome.taken.reduce(0, +), outcome.heldOut.reduce(0, +))
    try printLine("\(taken) of \(count) traces to learn from, \(held) of \(heldOut) held out, in \(out)")
    if taken < count { try printLine("tenths with too few traces are taken whole; more runs, or earlier steps of them, have more of what is rare") }
  }

  private var chosenLabels: TraceCollection.Labels {
    get throws {
      switch labels {
      case .checker: return .checker
      case .given: return .given
      case .judge:
        var settings = ServedJudgeSettings(url: judgeURL, model: judgeModel)
        settings.key = try JudgeKey.read(in: ProcessInfo.processInfo.environment)
        settings.service.concurrency = concurrency
        return .judge(settings)
      }
    }
  }
}

struct ThinkingReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "How far a thinking-reward model can be trusted, on traces it has not seen.",
    discussion: """
      Error, rank correlation, what scores of each tenth are worth, good and bad mistaken for each other, how often an \
      unsound trace is preferred to a sound one, and by how much confident words raise the score of an unsound one.

        sophia trm report --model models/trm --data data/trm/trm-held-out.jsonl
      """)

  @OptionGroup var model: ModelArguments

  @Option(help: "Rows with `response` and `thinking_score`.")
  var data: String

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let loaded = try model.load()
    let judge = try ThinkingRewardModel(
      model: loaded.model, encoder: loaded.encoder, form: ThinkingRewardForm(folder: model.model))
    let rows = try DataFile.read(data, use: .judging)
    let stage = TerminalProgress().stage("scoring", total: rows.count)
    let report = try judge.report(on: rows) { stage.update(done: $0) }
    stage.finish()
    guard !json else {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return try printLine(String(decoding: try encoder.encode(report), as: UTF8.self))
    }
    func line(_ name: String, _ value: Double?, _ meaning: String) throws {
      try printLine(name.padding(toLength: 24, withPad: " ", startingAt: 0) + (value.map { String(format: "%7.3f", $0) } ?? "      -") + "  " + meaning)
    }
    try line("mean error", report.meanAbsoluteError, "of \(report.rows - report.missing) traces; \(report.missing) have no score")
    try line("rank correlation", report.rankCorrelation, "Spearman's; 1 orders all traces rightly")
    try line("unsound preferred", report.unsoundPreferred, "of \(report.pairs) pairs of an unsound and a sound trace; 0.5 is a coin")
    try line("rises by confidence", report.risesByConfidence, "when confident words are put behind an unsound trace")
    let c = report.confusion
    try printLine("good                    \(c.goodTakenForGood) taken for good, \(c.goodTakenForBad) for bad")
    try printLine("bad                     \(c.badTakenForBad) taken for bad, \(c.badTakenForGood) for good")
    try printLine("\nscore       traces  mean score  mean label    error by label")
    for tenth in 0..<10 {
      let cell = report.calibration[tenth]
      try printLine(
        String(format: "%.1f - %.1f%9d", Double(tenth) / 10, Double(tenth + 1) / 10, cell?.rows ?? 0)
          + (cell.map { String(format: "%12.3f%12.3f", $0.meanScore, $0.meanTruth) } ?? "           -           -")
          + (report.errorByInterval[tenth].map { String(format: "%18.3f", $0) } ?? "                 -"))
    }
  }
}
