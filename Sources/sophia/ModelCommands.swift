internal import ArgumentParser
internal import DataSets
internal import Engines
internal import Torch
internal import VisionLanguage

struct ModelArguments: ParsableArguments {
  @Option(help: "Model folder in Hugging Face layout.")
  var model: String

  @Option(help: "fp32 or bf16.")
  var dtype = "fp32"

  @Option(help: "cpu, cuda or cuda:N.")
  var device = "cpu"

  @Option(help: "Threads for tensors; all cores if absent.")
  var threads: Int?

  func load() throws -> LoadedPolicy {
    guard let type = ["fp32": DType.float32, "bf16": .bfloat16][dtype] else {
      throw UsageError(message: "--dtype \(dtype) is unknown", advice: "use fp32 or bf16")
    }
    if let threads { try TorchRuntime.setThreads(threads) }
    return try LoadedPolicy(folder: model, dtype: type, device: Device(device))
  }
}

struct CacheArguments: ParsableArguments {
  @Option(help: "MiB of keys and values at most; responses that find no room wait.")
  var cacheMegabytes = 1024

  var limit: Int { cacheMegabytes << 20 }

  func validate() throws {
    guard (1...1 << 24).contains(cacheMegabytes) else {
      throw ValidationError("--cache-megabytes is \(cacheMegabytes); give 1 to \(1 << 24)")
    }
  }
}

struct RowArguments: ParsableArguments {
  @Option(help: "File of JSON lines; standard input if absent.")
  var input: String?

  /// Rows that the user types may name images anywhere, relative to the file or to the working folder.
  func forEach(use: RowUse, _ body: (DataRow, Int) throws -> Void) throws {
    let reader = RowReader(
      file: input ?? "standard input", places: .anywhere(relativeTo: input.map(DataFile.folder(of:)) ?? "."), use: use)
    var index = 0
    for (number, line) in try InputLines(input).enumerated() where line.contains(where: { $0 > 0x20 }) {
      try body(reader.row(line[...], line: number + 1, index: index), index)
      index += 1
    }
  }
}

struct LogprobsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logprobs",
    abstract: "Log-probabilities that a model gives to responses.",
    discussion: """
      Rows with `problem`, `path` or `paths` (images; absent for text), optional `system`, and `response` in; \
      `prompt_ids`, `response_ids` and `logprobs` (nats, one a response token, temperature 1) out.

        echo '{"problem": "red + blue ?", "path": "bars.png", "response": "8"}' | sophia logprobs --model DIR
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var rows: RowArguments

  func run() throws {
    let policy = try model.load()
    try rows.forEach(use: .supervised) { row, _ in
      try printLine(ModelLines.logProbabilities(of: row, policy).serialized)
    }
  }
}

struct GenerateCommand: ParsableCommand {
  private static let atOnce = 2 * GenerationEngine.width

  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Responses of a model.",
    discussion: """
      Rows with `problem`, `path` or `paths` (images; absent for text) and optional `system` in; `response`, \
      `response_ids` and `logprobs` (nats) out, \(atOnce) rows at a time. The same seed gives the same responses.

        echo '{"problem": "red + blue ?", "path": "bars.png"}' | sophia generate --model DIR --temperature 0
      """)

  @OptionGroup var model: ModelArguments
  @OptionGroup var rows: RowArguments

  @Option(help: "0 takes the likeliest token.")
  var temperature = 0.0

  @Option(help: "Draw from the smallest set of tokens whose probabilities add up to this.")
  var topP = 1.0

  @Option(help: "Draw from this many of the likeliest tokens; 0 from all.")
  var topK = 0

  @Option(help: "Tokens of a response at most.")
  var maxTokens = 256

  @Option(help: "Decides every draw.")
  var seed: UInt64 = 0

  @OptionGroup var cache: CacheArguments

  func run() throws {
    let policy = try model.load()
    let engine = try GenerationEngine(policy, cacheLimit: cache.limit)
    let settings = SamplingSettings(temperature: temperature, topP: topP, topK: topK, maximumTokens: maxTokens)
    var prompts: [VisualPrompt] = []
    var done = 0
    func answer() throws {
      for line in try ModelLines.generations(for: prompts, from: done, engine, settings, seed: seed) {
        try printLine(line.serialized)
      }
      done += prompts.count
      prompts = []
    }
    do {
      try rows.forEach(use: .prompting) { row, _ in
        prompts.append(try ModelLines.prompt(of: row, policy.encoder))
        if prompts.count == Self.atOnce { try answer() }
      }
    } catch {
      try answer()  // what came before the row that is wrong
      throw error
    }
    try answer()
  }
}

struct EvaluateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval",
    abstract: "Answers rows greedily and grades the answers by rule.",
    discussion: """
      Prints one JSON object: rows, accuracy (share with an outcome of at least 0.5) and mean outcome; with --answers \
      also every response.

        sophia eval --model runs/demo/policy --data runs/demo/data/held-out.jsonl
      """)

  @OptionGroup var model: ModelArguments

  @Option(help: "Rows to answer: JSON list or JSONL with problem_type and solution.")
  var data: String

  @Option(help: "System prompt for rows that bring none.")
  var system: String?

  @Option(help: "Tokens of a response at most.")
  var maxTokens = 256

  @Option(help: "File for one JSON line a row: problem_id, response, outcome.")
  var answers: String?

  @OptionGroup var cache: CacheArguments

  func run() throws {
    let rows = try DataFile.read(data, use: .grading)
    let policy = try model.load()
    let engine = try GenerationEngine(policy, cacheLimit: cache.limit)
    let result = try GreedyEvaluation.run(
      engine, policy.encoder, rows: rows, system: system, maximumTokens: maxTokens)
    if let answers { try result.write(rows: rows, to: answers) }
    try printLine(
      JSONValue.object([
        .init("rows", .integer(result.rows)), .init("accuracy", .number(result.accuracy)),
        .init("outcome", .number(result.outcome)),
      ]).serialized)
  }
}
