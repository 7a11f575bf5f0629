internal import ArgumentParser
internal import Rewards
internal import TrustGRPO

struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score",
    abstract: "Rewards and advantages of groups, equations 1 to 6.",
    discussion: """
      JSON lines of groups in, each with problem_type, solution, responses[], thinking[] (or null), step and T; gamma, \
      mu_c, mu_w, outcome[], total[], advantage[] out.

        echo '{"problem_type": "numerical", "solution": "8", "responses": ["<think>5 + 3</think><answer>8</answer>", \
      "<think>?</think><answer>7</answer>"], "thinking": [0.9, 0.2], "step": 0, "T": 100}' | sophia score
      """)

  @Option(help: "paper, released-code or grpo (outcome only).")
  var mode = "paper"

  @Option(help: "Share of the thinking reward.")
  var alpha = 0.3

  @Option(help: "exclude or include: whether the thinking reward counts in a group that is all correct or all wrong.")
  var oneSided = "exclude"

  @Option(help: "std or mean: what an advantage is divided by.")
  var advantage = "std"

  @Option(help: "File of JSON lines; standard input if absent.")
  var input: String?

  func run() throws {
    var settings = TrustGRPOSettings()
    settings.mode = try choice("mode", mode)
    settings.oneSided = try choice("one-sided", oneSided)
    settings.advantage = try choice("advantage", advantage)
    guard alpha >= 0, alpha.isFinite else { throw UsageError(message: "--alpha is \(alpha)", advice: "give 0 or more") }
    settings.alpha = alpha
    try ScoreRows(settings: settings).run(InputLines(input).lazy.map { String(decoding: $0, as: UTF8.self) }, write: printLine)
  }

  private func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String, _ value: String) throws -> Choice {
    guard let choice = Choice(rawValue: value) else {
      throw UsageError(
        message: "--\(name) \(value) is unknown",
        advice: "use one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return choice
  }
}
