internal import ActionableErrors
internal import ArgumentParser
internal import Runs
internal import Simulator

/// What `sophia simulate --predict` is told besides what a simulation is.
struct PredictArguments: ParsableArguments {
  @Flag(help: "What 1 to 10,000 workers would bring, as a table: nothing goes wrong, and nothing is started.")
  var predict = false

  @Option(help: "Predict with the costs of this run; a folder, as runs/demo.")
  var calibrate: String?

  @Option(help: "Then make runs with the settings of that run and these numbers of workers on this machine, and compare: 1,2,4.")
  var measure: String?

  @Option(help: "Steps of each such run.")
  var measureSteps = 40

  @Option(help: "Numbers of workers to predict for: W,...")
  var over: String?

  @Option(help: "Write a page (.html) or a picture (.svg) of the prediction.")
  var plot: String?

  @Option(help: "Tokens that a worker samples in a second, all responses of a group together.")
  var tokensPerSecond: Double?

  @Option(help: "Mean tokens of a response.")
  var responseTokens: Double?

  @Option(help: "Seconds of a scorer for a group.")
  var scoringSeconds: Double?

  @Option(help: "Seconds of the learner for a group.")
  var trainingSeconds: Double?

  @Option(help: "Bytes of the weights.")
  var modelBytes: Double?

  @Option(help: "Share of the weights that a delta to the next version sends.")
  var deltaShare: Double?

  @Option(help: "Bytes a second of each machine's link.")
  var link: Double?

  @Option(help: "Seconds of a worker from a version's bytes to sampling from it.")
  var loadSeconds: Double?

  @Option(help: "Cores that all processes share, as on one machine; otherwise each has enough of its own.")
  var cores: Double?

  var isWanted: Bool { predict || calibrate != nil || measure != nil }

  /// 10 Gbit/s.
  static let usualLink = 1.25e9

  func validate() throws {
    let numbers = [
      ("tokens-per-second", tokensPerSecond), ("response-tokens", responseTokens), ("scoring-seconds", scoringSeconds),
      ("training-seconds", trainingSeconds), ("model-bytes", modelBytes), ("delta-share", deltaShare), ("link", link),
      ("load-seconds", loadSeconds), ("cores", cores),
    ]
    for (name, value) in numbers {
      guard let value else { continue }
      guard value >= 0, value < 1e15, value > 0 || name.hasSuffix("-seconds") else {
        throw ValidationError("--\(name) is \(value); give a number of more than 0")
      }
    }
    guard measureSteps >= 14 else { throw ValidationError("--measure-steps is \(measureSteps); give 14 or more") }
    if measure != nil, calibrate == nil { throw ValidationError("--measure needs --calibrate RUN, whose settings it takes") }
    if let plot, !plot.hasSuffix(".svg"), !plot.hasSuffix(".html") {
      throw ValidationError("--plot \(plot) ends in neither .svg nor .html")
    }
  }

  /// Costs that were given take the place of others.
  func apply(to costs: inout CostModel) {
    if let tokensPerSecond { costs.tokensPerSecond = tokensPerSecond }
    if let responseTokens { costs.responseTokens = responseTokens }
    if let scoringSeconds { costs.scoringSeconds = scoringSeconds }
    if let trainingSeconds { costs.trainingSecondsPerGroup = trainingSeconds }
    if let modelBytes { costs.modelBytes = modelBytes }
    if let deltaShare { costs.deltaShare = deltaShare }
    if let link { costs.linkBytesPerSecond = link }
    if let loadSeconds { costs.loadSeconds = loadSeconds }
    costs.cores = cores
  }

  /// The numbers of a list, in order.
  static func list(_ text: String, _ name: String, _ range: ClosedRange<Int>) throws -> [Int] {
    let numbers = text.split(separator: ",").map { Int($0) }
    let known = numbers.compactMap { $0 }.filter(range.contains)
    guard !numbers.isEmpty, known.count == numbers.count else {
      throw UsageError(
        message: "--\(name) \(text) is no list of numbers from \(range.lowerBound) to \(range.upperBound)",
        advice: "write, for instance, --\(name) 1,2,4")
    }
    return Array(Set(known)).sorted()
  }
}
