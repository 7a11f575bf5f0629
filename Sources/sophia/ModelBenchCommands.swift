internal import ArgumentParser
internal import Engines
internal import Foundation
internal import Torch
internal import VisionLanguage

/// What the benchmarks of generation and training have in common.
struct ModelBenchArguments: ParsableArguments {
  @Option(help: "Model folder with config.json and weights; no tokenizer is needed. Absent: random weights, hidden size 512, 8 layers.")
  var model: String?

  @Option(help: "Vocabulary of the random model; Qwen2.5's own has 151936.")
  var vocabulary = 8192

  @Option(help: "Prompts, each with a group of responses.")
  var groups = 4

  @Option(help: "Responses a group.")
  var samples = 8

  @Option(help: "Tokens a response.")
  var tokens = 128

  @Option(help: "Tokens a prompt, those of its image included.")
  var promptTokens = 300

  @Option(help: "Pixels of the image, WIDTHxHEIGHT.")
  var image = "448x392"

  @Option(help: "Measurements, of which the best counts.")
  var repeats = 3

  @Option(help: "Threads for tensors; all cores if absent.")
  var threads: Int?

  @Option(help: "fp32 or bf16.")
  var dtype = "fp32"

  @Option(help: "cpu, cuda or cuda:N.")
  var device = "cpu"

  @OptionGroup var cache: CacheArguments

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value, limit) in [
      ("vocabulary", vocabulary, 1 << 20), ("groups", groups, 1024), ("samples", samples, 256), ("tokens", tokens, 1 << 16),
      ("prompt-tokens", promptTokens, 1 << 15), ("repeats", repeats, 100), ("threads", threads ?? 1, 1024),
    ] where value < 1 || value > limit {
      throw ValidationError("--\(name) is \(value); give 1 to \(limit)")
    }
    guard vocabulary >= 16 else { throw ValidationError("--vocabulary is \(vocabulary); give 16 or more") }
    guard size != nil else { throw ValidationError("--image is \(image); give WIDTHxHEIGHT in pixels, as in 448x392") }
    guard type != nil else { throw ValidationError("--dtype is \(dtype); give fp32 or bf16") }
  }

  private var size: (width: Int, height: Int)? {
    let sides = image.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard sides.count == 2, let width = sides[0], let height = sides[1], (1...8192).contains(width), (1...8192).contains(height)
    else { return nil }
    return (width, height)
  }

  private var type: DType? { ["fp32": .float32, "bf16": .bfloat16][dtype] }

  func load() throws -> Qwen25VL {
    if let threads { try TorchRuntime.setThreads(threads) }
    let (dtype, device) = (type ?? .float32, try Device(device))
    if let model { return try Qwen25VL(folder: model, dtype: dtype, device: device) }
    return try Qwen25VL(ModelBenchmark.configuration(vocabularySize: vocabulary), seed: 0, dtype: dtype, device: device)
  }

  func benchmark(_ model: Qwen25VL) -> ModelBenchmark {
    var benchmark = ModelBenchmark(model)
    benchmark.groups = groups
    benchmark.samples = samples
    benchmark.responseTokens = tokens
    benchmark.promptTokens = promptTokens
    benchmark.repeats = repeats
    benchmark.cacheLimit = cache.limit
    if let size { benchmark.image = size }
    return benchmark
  }

  func progress(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  func show(_ result: some Encodable, _ lines: [String]) throws {
    guard json else { return try lines.forEach(printLine) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    try printLine(String(decoding: try encoder.encode(result), as: UTF8.self))
  }
}

struct GenerateBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "How many tokens a second a model generates.",
    discussion: """
      Groups of responses of one exact length, each group to a prompt with an image, all at once: what a rollout worker \
      does. The time includes the reading of the prompts. Beside it, what this machine does in products of large matrices, \
      measured in the same run, and which share of that the work's products are.

        sophia bench generate
        sophia bench generate --groups 1 --vocabulary 151936
        sophia bench generate --model models/Qwen2.5-VL-3B-Instruct --dtype bf16 --device cuda
      """)

  @OptionGroup var arguments: ModelBenchArguments

  func run() throws {
    let model = try arguments.load()
    let found = try arguments.benchmark(model).generation(progress: arguments.progress)
    try arguments.show(
      found,
      [
        "\(arguments.groups) groups of \(arguments.samples) responses of \(arguments.tokens) tokens, \(found.parameters / 1_000_000) million parameters",
        String(
          format: "  %.0f tokens/s: %.2f s, of which %.2f s read the prompts; %.1f responses at once", found.tokensPerSecond,
          found.seconds, found.promptSeconds, found.meanWidth),
        String(
          format: "  %.1f of %.1f GFLOP/s that large products reach here: %.0f %%; %d MiB at most",
          found.fractionOfPeak * found.matmulFlops * 1e-9, found.matmulFlops * 1e-9, 100 * found.fractionOfPeak,
          found.peakBytes >> 20),
      ])
  }
}

struct TrainBenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "How long a whole Trust-GRPO step of a model takes.",
    discussion: """
      One step as a run takes it, in one process: groups are generated, rewarded (with made-up outcomes: what they are does not \
      change the work), and trained on, with a frozen reference policy, in one optimiser step.

        sophia bench train
        sophia bench train --model models/Qwen2.5-VL-3B-Instruct --dtype bf16 --device cuda
      """)

  @OptionGroup var arguments: ModelBenchArguments

  @Option(help: "Groups in memory at once.")
  var microBatchGroups = 1

  func validate() throws {
    guard (1...65536).contains(microBatchGroups) else {
      throw ValidationError("--micro-batch-groups is \(microBatchGroups); give 1 to 65536")
    }
  }

  func run() throws {
    let (model, reference) = (try arguments.load(), try arguments.load())
    var settings = TrustGRPOTrainerSettings()
    settings.microBatchGroups = microBatchGroups
    let found = try arguments.benchmark(model).training(
      reference: reference, settings: settings, progress: arguments.progress)
    try arguments.show(
      found,
      [
        "one step of \(arguments.groups) groups of \(arguments.samples) responses of \(arguments.tokens) tokens, \(found.parameters / 1_000_000) million parameters",
        String(
          format: "  %.2f s: %.2f s generating, %.2f s training, of which %.2f s the reference policy", found.secondsPerStep,
          found.generateSeconds, found.updateSeconds, found.referenceSeconds),
        String(
          format: "  %.0f response tokens/s; %.1f of %.1f GFLOP/s that large products reach here: %.0f %%; %d MiB at most",
          found.tokensPerSecond, found.fractionOfPeak * found.matmulFlops * 1e-9, found.matmulFlops * 1e-9,
          100 * found.fractionOfPeak, found.peakBytes >> 20),
      ])
  }
}
