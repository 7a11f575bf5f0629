internal import ArgumentParser
internal import DataSets
internal import Engines
internal import Foundation
internal import JudgeServer
internal import Rollout
internal import Runs
internal import ServedReward
internal import Synchronization
internal import Torch

struct JudgeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "judge",
    abstract: "Serves a thinking-reward model to scorers, well or badly.",
    discussion: """
      A chat endpoint as OpenAI's, on this machine alone, that understands what a scorer asks: one model for many scorers, \
      and a way to see what a run does when its judge fails. It runs until Ctrl-C and then says what it did.

        sophia judge --model runs/demo/thinking --port 8901
        sophia train runs/demo/settings.json run.folder=runs/served thinking.kind=served \\
          thinking.url=http://127.0.0.1:8901/v1 thinking.model=demo

      With --misbehave 0.2 a fifth of the requests meets, by turns of the seed: HTTP 429 with and without Retry-After, 500, \
      503, garbage, silence, an answer byte by byte, one that breaks off, one that comes late, and scores that are none.
      """)

  @OptionGroup var model: ModelArguments

  @Option(help: "Port on 127.0.0.1; 0 for any free one.")
  var port: UInt16 = 8901

  @Option(help: "Share of requests that are not answered as they should be, from 0 to 1.")
  var misbehave = 0.0

  @Option(help: "Of the misbehaviour.")
  var seed: UInt64 = 0

  @Option(help: "expectation or generated: whether a score is the mean of what the model may answer, or what it writes.")
  var reading = "expectation"

  func validate() throws {
    guard 0...1 ~= misbehave else { throw ValidationError("--misbehave is \(misbehave); give 0 to 1") }
    guard ["expectation", "generated"].contains(reading) else {
      throw ValidationError("--reading \(reading) is unknown; use expectation or generated")
    }
  }

  func run() async throws {
    let loaded = try model.load()
    // The key is asked for where the scorers find theirs.
    let key = try JudgeKey.read(in: ProcessInfo.processInfo.environment)
    let judge = Mutex(
      try ThinkingRewardModel(
        model: loaded.model, encoder: loaded.encoder, form: ThinkingRewardForm(folder: model.model),
        isExpectation: reading == "expectation"))
    let mischief = Mutex(JudgeMischief(share: misbehave, seed: seed))
    let done = Mutex([String: Int]())
    let server = try JudgeServer(
      port: port, key: key,
      grade: { trace in
        try judge.withLock {
          let question = try $0.prompt(problem: trace.problem, files: trace.images, name: "the request")
          return try $0.scores(question, thinking: [trace.thinking]).first ?? nil
        }
      },
      behave: { _ in
        let behaviour = mischief.withLock { $0.next() }
        done.withLock { $0[behaviour.name, default: 0] += 1 }
        return behaviour
      })
    logLine(.info, "judging with \(model.model) at \(server.url)\(key == nil ? "" : ", with a key"); Ctrl-C stops it")
    let interruption = Interruption()
    await withCheckedContinuation { continuation in interruption.onRequest { _ in continuation.resume() } }
    server.close()
    let counts = done.withLock { $0.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ") }
    logLine(.info, "\(server.requests) requests over \(server.connectionCount) connections\(counts.isEmpty ? "" : ": \(counts)")")
    // Connections may still be in the middle of a score.
    _exit(0)
  }
}
